import type { IncomingMessage } from 'node:http';
import { AgentError } from './agent-error.ts';

/** Reads a body that is small. What is larger is read to its end and dropped, so that the sender sees the answer. */
export async function readBody(message: IncomingMessage, limit: number): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of message) {
    const bytes = Buffer.from(piece);
    length += bytes.length;
    if (length <= limit) pieces.push(bytes);
    else pieces.length = 0;
  }
  if (length > limit) throw new AgentError(`Cannot read more than ${limit} bytes`, { code: 'TOO_LARGE' });
  return Buffer.concat(pieces);
}
