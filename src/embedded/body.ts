import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

/** Reads a request's body. @throws Refusal when it is larger than `limit` bytes, which are all that is ever read */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunksOf(request)) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A request as its chunks. Leaving the loop early leaves the connection open, so that an answer can still be sent. */
export function chunksOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false });
}

function tooLarge(limit: number): Refusal {
  return new Refusal({ status: 413, code: 'SIZE_INVALID', message: `wanted at most ${limit} bytes` });
}
