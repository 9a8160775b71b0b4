import type { OnReadOpts, Socket } from 'node:net';
import type { ReadBuffers } from '../buffers/read-buffers.ts';

/** What a full record of TLS holds, in bytes (RFC 8446, 5.1). Behind one that is full there is more, as a rule. */
const FULL_RECORD = 16 * 1024;

/**
 * Has sockets read into these buffers: those without TLS a read at a time; those with TLS, which would bring each
 * record in memory of its own, as many records as fit or come in one turn of the event loop. What came is handed on
 * whole and not copied, but for what the end of a turn finds; an answer that is no full record never waits.
 *
 * @returns for the options of any number of sockets. Of TLS through a tunnel Node takes no such option.
 */
export function readingInto(buffers: ReadBuffers): OnReadOpts {
  const readers = new WeakMap<Socket, SocketReader>();
  // Node asks for the next buffer right behind each callback, and does not say for which socket.
  let next: Uint8Array | undefined;

  function readerOf(socket: Socket): SocketReader {
    const known = readers.get(socket);
    if (known !== undefined) return known;
    const reader = new SocketReader(socket, buffers);
    readers.set(socket, reader);
    return reader;
  }

  return {
    buffer: () => {
      const buffer = next ?? buffers.take();
      next = undefined;
      return buffer;
    },
    // Node calls it as a method of the socket.
    callback(this: Socket, length, buffer): boolean {
      const reader = readerOf(this);
      next = reader.take(buffer, length);
      return reader.wantsMore;
    },
  };
}

/**
 * Between what a socket reads and its own queue, which gets no second chunk behind a large one: it would put the two
 * together in new memory.
 */
class SocketReader {
  readonly #socket: Socket;
  readonly #buffers: ReadBuffers;
  readonly #gathers: boolean;
  /** Waits for the queue to be read. */
  readonly #ready: Buffer[] = [];
  /** Full records in the buffer that the next one is read into as well. */
  #gathered: Uint8Array | undefined;
  #endOfTurn: NodeJS.Immediate | undefined;
  /** Is the turn over in which they came? */
  #isLate = false;

  constructor(socket: Socket, buffers: ReadBuffers) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#gathers = 'encrypted' in socket;
    this.#intercept();
  }

  get wantsMore(): boolean {
    return this.#ready.length === 0 && this.#queueWantsMore;
  }

  /** @returns where to read on, or undefined when that is another buffer */
  take(buffer: Uint8Array, length: number): Uint8Array | undefined {
    const start = this.#gathered?.byteOffset ?? buffer.byteOffset;
    const gathered = new Uint8Array(buffer.buffer, start, buffer.byteOffset + length - start);
    const rest = buffer.subarray(length);
    if (this.#gathers && length === FULL_RECORD && rest.length >= FULL_RECORD) {
      this.#gathered = gathered;
      this.#endOfTurn ??= setImmediate(() => this.#afterTurn());
      return rest;
    }
    this.#forgetGathered();
    this.#ready.push(this.#buffers.lend(gathered));
    if (this.#queueWantsMore) this.#handOn();
    return undefined;
  }

  /** As its stream sees it. Only when it does not is the stream sure to call `_read` once it was read. */
  get #queueWantsMore(): boolean {
    return this.#socket.readableLength < this.#socket.readableHighWaterMark;
  }

  #afterTurn(): void {
    this.#endOfTurn = undefined;
    this.#isLate = true;
    if (this.wantsMore) this.#handOn();
  }

  #handOn(): void {
    const chunk = this.#ready.shift() ?? this.#copyOfGathered();
    if (chunk !== undefined && !this.#socket.destroyed) this.#socket.push(chunk);
  }

  #handOnAll(): void {
    while (this.#ready.length > 0 || this.#gathered !== undefined) this.#handOn();
  }

  /** The buffer itself cannot go: the next record will be read into the rest of it. */
  #copyOfGathered(): Buffer | undefined {
    const gathered = this.#gathered;
    this.#forgetGathered();
    return gathered && this.#buffers.copy(gathered);
  }

  #forgetGathered(): void {
    clearImmediate(this.#endOfTurn);
    this.#endOfTurn = undefined;
    this.#gathered = undefined;
    this.#isLate = false;
  }

  /** As a stream takes its methods from the options of its constructor: they are properties of it, too. */
  #intercept(): void {
    const socket = this.#socket;
    const push = socket.push.bind(socket);
    const read = socket._read.bind(socket);
    // The end comes behind all that was read before it.
    socket.push = (chunk, encoding) => {
      if (chunk === null) this.#handOnAll();
      return push(chunk, encoding);
    };
    // What is read now is still in the queue.
    socket._read = (size) => {
      read(size);
      if (this.#isDue()) process.nextTick(() => this.#isDue() && this.#handOn());
    };
  }

  #isDue(): boolean {
    return this.#ready.length > 0 || this.#isLate;
  }
}
