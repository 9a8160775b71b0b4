import type { IncomingMessage } from 'node:http';

interface Counted {
  bodyBytes: number;
}

/** Rejects when the client goes away before the end. */
export async function readAll(request: IncomingMessage, counted: Counted): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    counted.bodyBytes += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** Reads until at least so many bytes have come, or the body has ended; the rest is left unread. */
export function readBytes(request: IncomingMessage, wanted: number, counted: Counted): Promise<void> {
  if (wanted === 0) return Promise.resolve();
  return new Promise((resolve) => {
    request.once('end', resolve).once('close', resolve);
    request.on('data', function count(chunk: Buffer) {
      counted.bodyBytes += chunk.length;
      if (counted.bodyBytes < wanted) return;
      request.off('data', count).pause();
      resolve();
    });
  });
}
