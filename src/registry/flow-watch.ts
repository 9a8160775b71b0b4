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
  #isWaiting = false;
  #bytes = 0;

  constructor(onTooSlow: () => void) {
    this.#onTooSlow = onTooSlow;
  }

  /** Bytes are waited for, from now on; no change when they were already. */
  start(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#bytes = 0;
    this.#timer ??= setInterval(() => this.#judge(), WINDOW_MS).unref();
    this.#timer.refresh();
  }

  /** The receiver has enough for now. It says so for every piece, so that the timer is left as it is. */
  pause(): void {
    this.#isWaiting = false;
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }

  stop(): void {
    this.pause();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #judge(): void {
    if (this.#isWaiting && this.#bytes < LEAST_BYTES) this.#onTooSlow();
    this.#bytes = 0;
  }
}
