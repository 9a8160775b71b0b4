import type { Socket } from 'node:net';
import type { ReadBuffers } from '../buffers/read-buffers.ts';

type Chunk = Uint8Array | string;
type Done = (error?: Error | null) => void;

/**
 * From now on what this socket has sent is free for the next read: whoever gives it a chunk must not look at that again.
 * Only the callback of a write tells that the system, or TLS, has taken all of its bytes.
 */
export function giveBackWhatIsSent(socket: Socket, buffers: ReadBuffers): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);

  /** After a failure nobody knows who still reads them. */
  function returning(chunks: readonly Chunk[], done: Done): Done {
    return (error) => {
      if (error === undefined || error === null)
        for (const chunk of chunks) if (typeof chunk !== 'string') buffers.giveBack(chunk);
      done(error);
    };
  }

  // As a stream takes its methods from the options of its constructor: they are properties of it, too.
  socket._write = (chunk: Chunk, encoding, done) => write(chunk, encoding, returning([chunk], done));
  if (writev === undefined) return;
  socket._writev = (parts: { chunk: Chunk; encoding: BufferEncoding }[], done) => {
    const chunks = parts.map(({ chunk }) => chunk);
    writev(parts, returning(chunks, done));
  };
}
