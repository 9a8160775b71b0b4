import { BoundedMap } from './bounded-map.ts';

/** More images than a large cluster has, about 10 MB. */
const MOST_ENTRIES = 50_000;

/** What was learned a moment ago and need not be asked for again yet. */
export class RecentMap<Value> {
  readonly #milliseconds: number;
  readonly #entries = new BoundedMap<string, { readonly value: Value; readonly until: number }>(MOST_ENTRIES);

  /** @param milliseconds how long a value counts */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > performance.now()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: Value): void {
    this.#entries.set(key, { value, until: performance.now() + this.#milliseconds });
  }

  clear(): void {
    this.#entries.clear();
  }
}
