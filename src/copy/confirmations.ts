import { BoundedMap } from './bounded-map.ts';
import type { Present } from './outcome.ts';

/** More images than a large cluster has, about 10 MB. */
const MOST_ENTRIES = 50_000;

/** Copies that were seen in the backup registry a moment ago, and need not be asked for again yet. */
export class Confirmations {
  readonly #freshMs: number;
  readonly #entries = new BoundedMap<string, { readonly copy: Present; readonly until: number }>(
    MOST_ENTRIES,
  );

  constructor(freshMs: number) {
    this.#freshMs = freshMs;
  }

  get(key: string): Present | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > performance.now()) return entry.copy;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, copy: Present): void {
    this.#entries.set(key, { copy, until: performance.now() + this.#freshMs });
  }

  clear(): void {
    this.#entries.clear();
  }
}
