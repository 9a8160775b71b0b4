/** Cursor up, line erased: what takes a line away again. */
const ERASED = '\u001b[1A\u001b[2K';

/** A terminal, reduced to the lines that it shows. */
export class FakeTerminal {
  readonly terminal: { readonly columns?: number; readonly rows?: number };
  readonly lines: string[] = [];
  /** Most lines that it has shown. */
  most = 0;

  /** @param size what it tells of it; default: nothing */
  constructor(size: FakeTerminal['terminal'] = {}) {
    this.terminal = size;
  }

  /** Text that ends in whole lines. */
  readonly write = (written: string): void => {
    for (const [at, part] of written.split(ERASED).entries()) {
      if (at > 0) this.lines.pop();
      this.lines.push(...part.split('\n').slice(0, -1));
      this.most = Math.max(this.most, this.lines.length);
    }
  };
}
