import pLimit, { type LimitFunction } from 'p-limit';
import { BoundedMap } from './bounded-map.ts';
import { unlessAborted } from './promise.ts';

/** Tenants choose the keys. One that is forgotten while copies of it run may have more of them for that while. */
const MOST_KEYS = 1_000;

/**
 * Of each key (a source host, a name that sources share) so many copies run at once; further ones wait, in the order they
 * came, and hold up those of no other key.
 */
export class Turns {
  readonly #atOnce: number;
  readonly #queues = new BoundedMap<string, LimitFunction>(MOST_KEYS);

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /**
   * Waits until it is the caller's turn.
   * @returns what ends that turn
   * @throws the signal's reason when it aborts first; the place in the queue is then given up
   */
  async next(key: string, signal: AbortSignal): Promise<() => void> {
    const { promise: turn, resolve: begin } = Promise.withResolvers<void>();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    void this.#of(key)(() => {
      begin();
      return over;
    });
    try {
      await unlessAborted(signal, turn);
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  #of(key: string): LimitFunction {
    const known = this.#queues.get(key);
    if (known !== undefined) return known;
    const created = pLimit(this.#atOnce);
    this.#queues.set(key, created);
    return created;
  }
}
