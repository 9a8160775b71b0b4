import type { Digest } from '../image/digest.ts';

/** Entries kept; the oldest go first. */
const MOST_ENTRIES = 50_000;

/** Copies that were seen in the backup registry a moment ago, and need not be asked for again yet. */
export class Confirmations {
  readonly #freshMs: number;
  readonly #entries = new Map<string, { readonly digest: Digest; readonly until: number }>();

  constructor(freshMs: number) {
    this.#freshMs = freshMs;
  }

  get(key: string): Digest | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > performance.now()) return entry.digest;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, digest: Digest): void {
    this.#entries.delete(key);
    this.#entries.set(key, { digest, until: performance.now() + this.#freshMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MOST_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
  }

  clear(): void {
    this.#entries.clear();
  }
}
