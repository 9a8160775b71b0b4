import { setTimeout as delay } from 'node:timers/promises';

/** Holds back every request to a host that said "not now" (429, 503): one caller's answer is the others' warning. */
export class HostGate {
  #opensAt = 0;

  /** How long a request would wait now, in milliseconds. */
  get wait(): number {
    return Math.max(0, this.#opensAt - performance.now());
  }

  /** Waits until the host may be asked. Rejects when `signal` aborts. */
  async pass(signal: AbortSignal): Promise<void> {
    while (this.wait > 0) await delay(this.wait, undefined, { signal });
  }

  closeFor(milliseconds: number): void {
    this.#opensAt = Math.max(this.#opensAt, performance.now() + milliseconds);
  }
}
