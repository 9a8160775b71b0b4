/**
 * What the readiness probe hears. Liveness is no part of it: a process that is stopping, or whose registry is gone,
 * is not helped by being killed.
 */
export class Readiness {
  #state: 'starting' | 'ready' | 'stopping' = 'starting';

  get state(): 'starting' | 'ready' | 'stopping' {
    return this.#state;
  }

  /** The listener is up with a certificate. Too late once stopping has begun. */
  start(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  /** From here on the answer is no, and every connection is closed with its next answer. */
  stop(): void {
    this.#state = 'stopping';
  }
}
