import { Socket } from 'node:net';
import type { ReadBuffers } from './read-buffers.ts';

/** Until the system asks whether the other end is still there; undici's own value. */
const KEEP_ALIVE_MS = 60_000;

type Done = (error?: Error | null) => void;

/**
 * A socket that reads into buffers which are used again once a socket of the same kind has sent them on. What it reads
 * may be kept by whoever does not send it; what is sent must not be looked at after that.
 */
export class PlainSocket extends Socket {
  readonly #buffers: ReadBuffers;

  constructor(buffers: ReadBuffers) {
    const socket: { opened?: PlainSocket } = {};
    super({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: {
        buffer: () => buffers.take(),
        // As Node's own reading does it: false when the stream has enough for now.
        callback: (length, buffer) => socket.opened?.push(buffers.lend(buffer, length)) ?? false,
      },
    });
    this.#buffers = buffers;
    socket.opened = this;
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: Done): void {
    super._write(chunk, encoding, this.#returning([chunk], done));
  }

  override _writev(parts: { chunk: Uint8Array | string; encoding: BufferEncoding }[], done: Done): void {
    const chunks = parts.map(({ chunk }) => chunk);
    super._writev?.(parts, this.#returning(chunks, done));
  }

  /** Called once the system has taken the bytes; after a failure nobody knows who still reads them. */
  #returning(chunks: readonly (Uint8Array | string)[], done: Done): Done {
    return (error) => {
      if (error === undefined || error === null)
        for (const chunk of chunks) if (typeof chunk !== 'string') this.#buffers.giveBack(chunk);
      done(error);
    };
  }
}
