import { formatBytes } from './format.ts';

/** How far a layer is, in bytes. */
interface Moving {
  readonly bytes: number;
  readonly size: number;
}

const BAR_WIDTH = 24;
/** As many digits of a digest as Docker shows. */
const NAME_WIDTH = 12;

/** One bar for each layer of an image that is under way, and one for all. Layers are named by a digest, or part of it. */
export class ImageBars {
  readonly #moving = new Map<string, Moving>();
  /** Layers of others that came to their end. */
  readonly #settled = new Set<string>();
  /** Bytes of all layers; undefined before they are known. */
  #total: number | undefined;
  #done = 0;

  /** So many bytes more are to come. */
  announce(bytes: number): void {
    this.#total = (this.#total ?? 0) + bytes;
  }

  move(layer: string, moving: Moving): void {
    this.#moving.set(layer, moving);
  }

  finish(layer: string, size: number): void {
    this.#moving.delete(layer);
    this.#done += size;
  }

  /** What an origin moves, which announces a layer as it begins it. Each counts once: it may be unpacked after that. */
  hear(layer: string, moving: Moving): void {
    if (this.#settled.has(layer)) return;
    if (!this.#moving.has(layer)) this.announce(moving.size);
    this.move(layer, moving);
    if (moving.bytes >= moving.size) this.settle(layer);
  }

  /** The origin does something else with the layer now. */
  settle(layer: string): void {
    const moving = this.#moving.get(layer);
    if (moving === undefined) return;
    this.#settled.add(layer);
    this.finish(layer, moving.size);
  }

  /** @param most bars; further layers count in the total only */
  lines(most: number): readonly string[] {
    if (this.#total === undefined) return [];
    const moving = [...this.#moving];
    const sent = moving.reduce((sum, [, { bytes }]) => sum + bytes, this.#done);
    return [
      ...moving.slice(0, most).map(([layer, { bytes, size }]) => bar(shortened(layer), bytes, size)),
      bar('total', sent, this.#total),
    ];
  }
}

function shortened(layer: string): string {
  return layer.replace(/^\w+:/, '').slice(0, NAME_WIDTH);
}

function bar(name: string, bytes: number, size: number): string {
  return `${gauge(name, bytes, size)} ${formatBytes(bytes)} of ${formatBytes(size)}`;
}

/** `total        [######------------------]` */
export function gauge(name: string, done: number, all: number): string {
  const share = all === 0 ? 0 : Math.min(1, done / all);
  const full = Math.round(share * BAR_WIDTH);
  return `${name.padEnd(NAME_WIDTH)} [${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}]`;
}
