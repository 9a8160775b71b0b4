/** Gives up on somebody who has said nothing for too long; every word heard begins the wait anew. */
export class Silence {
  /** Aborted when it was silent for too long, or when the caller's own signal is. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(signal: AbortSignal, longestMs: number) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.#timer = setTimeout(() => this.#controller.abort(), longestMs);
  }

  /** True when it was the silence that ended it. */
  get wasTooLong(): boolean {
    return this.#controller.signal.aborted;
  }

  heard(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
