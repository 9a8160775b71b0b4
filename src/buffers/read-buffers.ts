/**
 * Bytes of one read. More than loopback ever has ready for long, and still within a processor's cache: each read costs a
 * turn of the event loop and a walk through all the streams on the way, whatever it brings.
 */
const SIZE = 512 * 1024;
/** What is kept for the next reads, in buffers; more are in use only for moments. */
const MOST_FREE = 16;
/** A read that brings less than this is copied: it would hold up a buffer many times its size. */
const WORTH_LENDING = SIZE / 4;

/**
 * Buffers that sockets read into, used again once what they hold was sent. Blobs then pass through the same few pages of
 * memory, where a new buffer for each read had to be got from the system, cleared, and collected by V8
 * (docs/decisions/0015).
 *
 * A buffer that never comes back is collected as any other.
 */
export class ReadBuffers {
  readonly #free: Buffer[] = [];
  /** Length of what each buffer on loan was lent for. */
  readonly #lent = new WeakMap<ArrayBufferLike, number>();

  /** An empty buffer to read into. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SIZE);
  }

  /**
   * What was read, to be handed on.
   * @param read a part of a buffer that was taken here, of which nothing else is in use any more
   */
  lend(read: Uint8Array): Buffer {
    const { buffer, byteOffset, length } = read;
    if (length >= WORTH_LENDING) {
      this.#lent.set(buffer, length);
      return Buffer.from(buffer, byteOffset, length);
    }
    const chunk = Buffer.from(read);
    this.#keep(buffer);
    return chunk;
  }

  /** The same to be handed on, of a buffer that is in use still. */
  copy(read: Uint8Array): Buffer {
    if (read.length < WORTH_LENDING) return Buffer.from(read);
    const buffer = this.take();
    buffer.set(read);
    return this.lend(buffer.subarray(0, read.length));
  }

  /**
   * Nobody needs this chunk any more. Nothing happens unless it is the whole of what was lent: a part of it says nothing
   * about the rest, and other buffers are not ours.
   */
  giveBack({ buffer, length }: Uint8Array): void {
    if (this.#lent.get(buffer) !== length) return;
    this.#lent.delete(buffer);
    this.#keep(buffer);
  }

  #keep(buffer: ArrayBufferLike): void {
    if (this.#free.length < MOST_FREE) this.#free.push(Buffer.from(buffer));
  }
}

/** Those of the process: what is read from one registry is sent to another. */
export const readBuffers: ReadBuffers = new ReadBuffers();
