import { EventEmitter, once } from 'node:events';
import { pause } from './pause.ts';

/** Holds back every request to a host that said "not now" (429, 503): one caller's answer is the others' warning. */
export class HostGate {
  #opensAt = 0;
  /** Copies that wait for an answer while they have something to use in its place: any number. */
  readonly #closings = new EventEmitter().setMaxListeners(0);

  /** How long a request would wait now, in milliseconds. */
  get wait(): number {
    return Math.max(0, this.#opensAt - performance.now());
  }

  /** Waits until the host may be asked. Rejects with the signal's reason when it aborts. */
  async pass(signal: AbortSignal): Promise<void> {
    // Timers count whole milliseconds.
    while (this.wait > 0) await pause(Math.ceil(this.wait), signal);
  }

  closeFor(milliseconds: number): void {
    this.#opensAt = Math.max(this.#opensAt, performance.now() + milliseconds);
    this.#closings.emit('closed');
  }

  /** Resolves once the host may not be asked: now, or when it says so. Rejects with an AbortError when the signal aborts. */
  async closed(signal: AbortSignal): Promise<void> {
    if (this.wait === 0) await once(this.#closings, 'closed', { signal });
  }
}
