import pLimit, { type LimitFunction } from 'p-limit';
import { BoundedMap } from './bounded-map.ts';
import { unlessAborted } from './promise.ts';

/** Tenants choose the hosts. One that is forgotten while copies of it run may have more of them for that while. */
const MOST_HOSTS = 1_000;

/** Of each source host so many copies run at once; further ones wait, in the order they came, and hold up no other host. */
export class HostTurns {
  readonly #atOnce: number;
  readonly #hosts = new BoundedMap<string, LimitFunction>(MOST_HOSTS);

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /**
   * Waits until it is the caller's turn.
   * @returns what ends that turn
   * @throws the signal's reason when it aborts first; the place in the queue is then given up
   */
  async next(host: string, signal: AbortSignal): Promise<() => void> {
    const { promise: turn, resolve: begin } = Promise.withResolvers<void>();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    void this.#of(host)(() => {
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

  #of(host: string): LimitFunction {
    const known = this.#hosts.get(host);
    if (known !== undefined) return known;
    const created = pLimit(this.#atOnce);
    this.#hosts.set(host, created);
    return created;
  }
}
