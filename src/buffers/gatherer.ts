import type { ReadBuffers } from './read-buffers.ts';

/** Worth its way through all the streams as it is. */
const LARGE = 64 * 1024;

/**
 * How long pieces wait for others: until the event loop has taken its turn, where nobody knows when the next one comes;
 * or until a buffer is full.
 */
export type Patience = 'turn' | 'full';

/** Makes large chunks of small ones. HTTP/2 and TLS in a tunnel hand out pieces of 16 KiB, each in its own memory. */
export class Gatherer {
  readonly #buffers: ReadBuffers;
  readonly #handOn: (chunk: Buffer) => void;
  readonly #patience: Patience;
  #gathered: Buffer | undefined;
  #size = 0;
  #flushing: NodeJS.Immediate | undefined;

  /** @param handOn takes the chunks, in the order of what they were made of */
  constructor(buffers: ReadBuffers, handOn: (chunk: Buffer) => void, patience: Patience = 'turn') {
    this.#buffers = buffers;
    this.#handOn = handOn;
    this.#patience = patience;
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
    if (this.#patience === 'turn') this.#flushing ??= setImmediate(() => this.flush());
  }

  /** Hands on what there is, now. */
  flush(): void {
    const gathered = this.#gathered;
    const size = this.#size;
    this.drop();
    if (gathered !== undefined) this.#handOn(this.#buffers.lend(gathered.subarray(0, size)));
  }

  /** Forgets what there is: nobody wants the rest. */
  drop(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    this.#gathered = undefined;
    this.#size = 0;
  }
}
