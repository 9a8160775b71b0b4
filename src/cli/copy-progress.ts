import { pipeline, type Readable, Transform } from 'node:stream';
import type { GraphCopy } from '../copy/copy-graph.ts';
import type { Source } from '../copy/target.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { hexOf } from '../image/digest.ts';
import { formatBytes } from './format.ts';

/** Where progress is written; standard output belongs to the result. */
export interface Screen {
  readonly write: (text: string) => void;
  /** Where it is a terminal. Its size is read for each picture: windows are resized. */
  readonly terminal?: { readonly columns?: number | undefined } | undefined;
}

type Hooks = Required<Pick<GraphCopy, 'onStart' | 'onBlob'>>;

/** What a copy tells the person who waits for it. */
export interface Progress extends Hooks {
  /** The source, with its streams watched where that is shown. */
  watch(source: Source): Source;
  /** Takes the bars away again. */
  end(): void;
}

/** Bars on a terminal, one line for each step elsewhere. */
export function progressOn(screen: Screen): Progress {
  return screen.terminal !== undefined ? new Bars(screen) : new Lines(screen);
}

/** Says nothing, for `--json`. */
export const silent: Progress = {
  onStart: () => undefined,
  onBlob: () => undefined,
  watch: (source) => source,
  end: () => undefined,
};

class Lines implements Progress {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  readonly onStart: Hooks['onStart'] = ({ blobs, bytes }) => {
    this.#screen.write(`copying ${blobs} blobs, ${formatBytes(bytes)}\n`);
  };

  readonly onBlob: Hooks['onBlob'] = ({ descriptor: { digest, size }, pushed, durationMs }) => {
    this.#screen.write(
      `${pushed.padEnd(8)} ${digest} ${formatBytes(size)} in ${(durationMs / 1000).toFixed(1)} s\n`,
    );
  };

  watch(source: Source): Source {
    return source;
  }

  end(): void {}
}

/** Ten redraws a second are smooth, and cost nothing beside the copy. */
const REDRAW_MS = 100;
/** Bars shown at once; further transfers count in the total only. */
const MOST_BARS = 12;
const BAR_WIDTH = 24;
/** As many digits of a digest as Docker shows. */
const NAME_WIDTH = 12;
const USUAL_COLUMNS = 80;
const UP_AND_CLEAR = '\u001b[1A\u001b[2K';

class Bars implements Progress {
  readonly #screen: Screen;
  readonly #active = new Map<Descriptor, number>();
  readonly #timer: NodeJS.Timeout;
  /** Bytes of all blobs; undefined before they are known. */
  #total: number | undefined;
  #done = 0;
  #drawn = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  readonly onStart: Hooks['onStart'] = ({ bytes }) => {
    this.#total = (this.#total ?? 0) + bytes;
  };

  readonly onBlob: Hooks['onBlob'] = ({ descriptor }) => {
    this.#active.delete(descriptor);
    this.#done += descriptor.size;
  };

  watch(source: Source): Source {
    return {
      resolve: (identifier, signal) => source.resolve(identifier, signal),
      fetchReference: (identifier, signal) => source.fetchReference(identifier, signal),
      predecessors: (descriptor, signal) => source.predecessors(descriptor, signal),
      fetch: async (descriptor, signal) => this.#counted(descriptor, await source.fetch(descriptor, signal)),
    };
  }

  end(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #counted(descriptor: Descriptor, stream: Readable): Readable {
    this.#active.set(descriptor, 0);
    const counter = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#active.set(descriptor, (this.#active.get(descriptor) ?? 0) + chunk.length);
        done(null, chunk);
      },
    });
    // The reader gets every error from the stream it holds.
    return pipeline(stream, counter, () => undefined);
  }

  #draw(): void {
    if (this.#total === undefined) return;
    this.#clear();
    const blobs = [...this.#active]
      .slice(0, MOST_BARS)
      .map(([{ digest, size }, bytes]) => bar(hexOf(digest).slice(0, NAME_WIDTH), bytes, size));
    const sent = this.#done + [...this.#active.values()].reduce((sum, bytes) => sum + bytes, 0);
    const lines = [...blobs, bar('total', sent, this.#total)];
    // A line that wraps would be two, of which one stays behind.
    const width = (this.#screen.terminal?.columns || USUAL_COLUMNS) - 1;
    this.#screen.write(lines.map((line) => `${line.slice(0, width)}\n`).join(''));
    this.#drawn = lines.length;
  }

  #clear(): void {
    this.#screen.write(UP_AND_CLEAR.repeat(this.#drawn));
    this.#drawn = 0;
  }
}

function bar(name: string, bytes: number, size: number): string {
  const share = size === 0 ? 0 : Math.min(1, bytes / size);
  const full = Math.round(share * BAR_WIDTH);
  return `${name.padEnd(NAME_WIDTH)} [${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}] ${formatBytes(bytes)} of ${formatBytes(size)}`;
}
