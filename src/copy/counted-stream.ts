import { pipeline, type Readable, Transform } from 'node:stream';

/**
 * The same stream, which tells after each piece how many bytes it has given. Ends and errors as the other does.
 * @param onBytes called with the bytes so far
 */
export function counted(stream: Readable, onBytes: (bytes: number) => void): Readable {
  let bytes = 0;
  const counter = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      onBytes(bytes);
      done(null, chunk);
    },
  });
  // The reader gets every error from the stream it holds.
  return pipeline(stream, counter, () => undefined);
}
