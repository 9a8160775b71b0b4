import type { ReadBuffers } from './read-buffers.ts';

/** Worth its way through all the streams as it is. */
const LARGE = 64 * 1024;

/**
 * Makes large chunks of small ones. TLS hands out what it decrypted in pieces of 16 KiB, each in memory of its own; what
 * a turn of the event loop brings goes on together, and nothing waits for longer than that.
 */
export class Gatherer {
  readonly #buffers: ReadBuffers;
  readonly #handOn: (chunk: Buffer) => void;
  #gathered: Buffer | undefined;
  #size = 0;
  #flushing: NodeJS.Immediate | undefined;

  /** @param handOn takes the chunks, in the order of what they were made of */
  constructor(buffers: ReadBuffers, handOn: (chunk: Buffer) => void) {
    this.#buffers = buffers;
    this.#handOn = handOn;
  }

  take(chunk: Buffer): void {
    if (chunk.length >= LARGE) {
      this.flush();
      this.#handOn(chunk);
      return;
    }
    if (this.#gathered !== undefined && this.#size + chunk.length > this.#gathered.length) this.flush();
    this.#gathered ??= this.#buffers.take();
    this.#gathered.set(chunk, this.#size);
    this.#size += chunk.length;
    this.#flushing ??= setImmediate(() => this.flush());
  }

  /** Hands on what there is, now. */
  flush(): void {
    const gathered = this.#gathered;
    const size = this.#size;
    this.drop();
    if (gathered !== undefined) this.#handOn(this.#buffers.lend(gathered, size));
  }

  /** Forgets what there is: nobody wants the rest. */
  drop(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    this.#gathered = undefined;
    this.#size = 0;
  }
}
