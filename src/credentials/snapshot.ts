import { type Clock, monotonic } from './clock.ts';
import { CredentialError } from './credential-error.ts';
import type { ObserveCredentials } from './event.ts';

/** How stale a file may be, in milliseconds: a new Secret counts at once, and a burst of requests reads it once. */
export const REREAD_MS = 3000;

export interface SnapshotOptions<T> {
  /** Rejects with a CredentialError for a place that is broken. */
  readonly read: () => Promise<T>;
  /** How long what was read may be used, in milliseconds. Default `REREAD_MS`. */
  readonly holdMs?: (value: T) => number;
  readonly now?: Clock | undefined;
  readonly observe?: ObserveCredentials | undefined;
}

/** What a place held when it was last read. Read again on use only, and never by two at once. */
export class Snapshot<T> {
  readonly #options: SnapshotOptions<T>;
  readonly #now: Clock;
  #good: { readonly value: T; until: number } | undefined;
  #reading: Promise<T> | undefined;

  constructor(options: SnapshotOptions<T>) {
    this.#options = options;
    this.#now = options.now ?? monotonic;
  }

  /**
   * What the place holds, or held when it could last be read.
   * @throws CredentialError when it has never been readable
   */
  async get(): Promise<T> {
    if (this.#good !== undefined && this.#now() < this.#good.until) return this.#good.value;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<T> {
    const since = this.#now();
    try {
      const value = await this.#options.read();
      this.#good = { value, until: since + (this.#options.holdMs?.(value) ?? REREAD_MS) };
      return value;
    } catch (error) {
      return this.#keep(error, since);
    }
  }

  #keep(error: unknown, since: number): T {
    if (this.#good === undefined || !(error instanceof CredentialError)) throw error;
    this.#good.until = since + REREAD_MS;
    this.#options.observe?.({ type: 'kept', error });
    return this.#good.value;
  }
}
