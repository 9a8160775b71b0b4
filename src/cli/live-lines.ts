/** Where progress is written; standard output belongs to the result. */
export interface Screen {
  readonly write: (text: string) => void;
  /** Where it is a terminal. Its size is read for each picture: windows are resized. */
  readonly terminal?:
    | { readonly columns?: number | undefined; readonly rows?: number | undefined }
    | undefined;
}

/** Ten redraws a second are smooth, and cost nothing beside the copy. */
const REDRAW_MS = 100;
/** What terminals have that do not tell. */
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;
const UP_AND_CLEAR = '\u001b[1A\u001b[2K';

/** The last lines of a terminal, drawn anew while what they tell changes. */
export class LiveLines {
  readonly #screen: Screen;
  readonly #lines: () => readonly string[];
  readonly #timer: NodeJS.Timeout;
  #drawn = 0;
  #ended = false;

  /** @param lines what there is to tell at this moment */
  constructor(screen: Screen, lines: () => readonly string[]) {
    this.#screen = screen;
    this.#lines = lines;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  /** Writes above them what is to stay. @param text whole lines */
  print(text: string): void {
    this.#clear();
    this.#screen.write(text);
    this.#draw();
  }

  /** Takes them away, for good. */
  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#clear();
  }

  #draw(): void {
    if (this.#ended) return;
    this.#clear();
    const { columns, rows } = this.#screen.terminal ?? {};
    // A line that wraps would be two, of which one stays behind; so would one that has scrolled out.
    const [width, height] = [(columns || USUAL_COLUMNS) - 1, (rows || USUAL_ROWS) - 1];
    const lines = this.#lines().slice(-height);
    if (lines.length === 0) return;
    this.#screen.write(lines.map((line) => `${line.slice(0, width)}\n`).join(''));
    this.#drawn = lines.length;
  }

  #clear(): void {
    if (this.#drawn > 0) this.#screen.write(UP_AND_CLEAR.repeat(this.#drawn));
    this.#drawn = 0;
  }
}
