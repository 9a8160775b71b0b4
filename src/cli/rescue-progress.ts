import type { CopyEvent, ObserveCopy } from '../copy/event.ts';
import type { LayerProgress, WatchCopy } from '../copy/layer-progress.ts';
import type { CopyTask } from '../copy/outcome.ts';
import { formatReference } from '../image/reference.ts';
import { blobLine, startLine } from './copy-progress.ts';
import { formatBytes } from './format.ts';
import { gauge, ImageBars } from './image-bars.ts';
import { LiveLines, type Screen } from './live-lines.ts';
import type { RescueRow } from './rescue.ts';
import { printable } from './table.ts';

/** What a rescue tells the person who waits for it. Bytes are counted only for who shows them. */
export interface RescueProgress {
  readonly observe: ObserveCopy;
  readonly watch?: WatchCopy;
  /** So many images are looked at. */
  readonly onFound: (images: number) => void;
  readonly onRow: (row: RescueRow) => void;
  /** Complaints of others. @param text whole lines */
  readonly write: (text: string) => void;
  /** Takes away what does not stay. */
  readonly end: () => void;
}

/** Bars of the images under way on a terminal, one line for each step elsewhere. */
export function rescueProgressOn(screen: Screen): RescueProgress {
  return screen.terminal !== undefined ? new Bars(screen) : { ...silentOn(screen), ...lines(screen) };
}

/** Passes on complaints alone, for `--json`. */
export function silentOn({ write }: Screen): RescueProgress {
  return { observe: nothing, onFound: nothing, onRow: nothing, write, end: nothing };
}

function nothing(): void {}

function lines({ write }: Screen): Pick<RescueProgress, 'observe' | 'onRow'> {
  function tell(image: string, what: string): void {
    write(printable(`${image}: ${what}`) + '\n');
  }
  return {
    observe: (event) => {
      const what = wordsOf(event);
      if (what !== undefined) tell(formatReference(event.task.source), what);
    },
    onRow: ({ image, state, why }) => tell(image, why === undefined ? state : `${state}, ${why}`),
  };
}

function wordsOf(event: CopyEvent): string | undefined {
  if (event.type === 'started') return startLine(event);
  if (event.type === 'blob-done') return blobLine(event);
  if (event.type !== 'origin-progress') return undefined;
  const { status, layer, bytes } = event;
  return `${status} ${layer}${bytes === undefined ? '' : ` ${formatBytes(bytes)}`}`;
}

/** Bars of layers shown at once, over all images. */
const MOST_BARS = 12;

class Bars implements RescueProgress {
  readonly #live: LiveLines;
  /** By the source of the image. */
  readonly #underWay = new Map<string, ImageBars>();
  #images: number | undefined;
  #done = 0;

  constructor(screen: Screen) {
    this.#live = new LiveLines(screen, () => this.#lines());
  }

  readonly observe: ObserveCopy = (event) => {
    if (event.type === 'started') this.#barsOf(event.task).announce(event.bytes);
    else if (event.type === 'blob-done') this.#barsOf(event.task).finish(event.digest, event.bytes);
    else if (event.type === 'origin-progress') this.#barsOf(event.task).settle(event.layer);
    else if (BEGINS_ANEW.has(event.type)) this.#underWay.delete(formatReference(event.task.source));
  };

  readonly watch: WatchCopy = ({ task, layer, bytes, totalBytes: size, origin }: LayerProgress) => {
    const bars = this.#barsOf(task);
    if (origin === undefined) bars.move(layer, { bytes, size });
    else bars.hear(layer, { bytes, size });
  };

  readonly onFound = (images: number): void => {
    this.#images = images;
  };

  readonly onRow = ({ image }: RescueRow): void => {
    this.#underWay.delete(image);
    this.#done += 1;
  };

  readonly write = (text: string): void => this.#live.print(text);

  readonly end = (): void => this.#live.end();

  #barsOf({ source }: CopyTask): ImageBars {
    const name = formatReference(source);
    const bars = this.#underWay.get(name) ?? new ImageBars();
    this.#underWay.set(name, bars);
    return bars;
  }

  #lines(): readonly string[] {
    if (this.#images === undefined) return [];
    const most = Math.max(1, Math.floor(MOST_BARS / this.#underWay.size));
    const images = [...this.#underWay].flatMap(([name, bars]) => {
      const shown = bars.lines(most);
      return shown.length === 0 ? [] : [printable(name), ...shown];
    });
    return [...images, `${gauge('images', this.#done, this.#images)} ${this.#done} of ${this.#images}`];
  }
}

/** After these the layers that were told of go another way: those of a pull are pushed, those of one node given up. */
const BEGINS_ANEW: ReadonlySet<CopyEvent['type']> = new Set([
  'origin-pulled',
  'origin-used',
  'origin-failed',
]);
