/** How long a source may be slow before it is given up. */
const WINDOW_MS = 30_000;
/** 8 KiB a second: at that rate no layer would arrive in time, and its place in the queue would be lost to others. */
const LEAST_BYTES = (WINDOW_MS / 1000) * 8 * 1024;

/**
 * Notices a sender that keeps a transfer alive with a byte now and then. Only time in which nothing but the sender was
 * waited for counts: a pause of the receiver begins a new window.
 */
export class FlowWatch {
  readonly #onTooSlow: () => void;
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;

  constructor(onTooSlow: () => void) {
    this.#onTooSlow = onTooSlow;
  }

  /** Bytes are waited for, from now on; no change when they were already. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#bytes = 0;
    this.#timer = setInterval(() => this.#judge(), WINDOW_MS).unref();
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #judge(): void {
    if (this.#bytes < LEAST_BYTES) this.#onTooSlow();
    this.#bytes = 0;
  }
}
