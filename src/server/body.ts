import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream';
import { DisconnectedError, Refusal } from './refusal.ts';

/**
 * Reads a whole request body of at most `limit` bytes.
 * @param take told of each piece before it is kept; may throw to stop
 * @throws Refusal, DisconnectedError, or what `take` throws. The rest of the body is then read and dropped: a client
 *   that is still sending would not see the answer to a connection that is cut.
 */
export async function readBody(
  request: IncomingMessage,
  limit: number,
  take: (bytes: number) => void,
): Promise<Uint8Array> {
  try {
    if (announcedLength(request) > limit) throw Refusal.tooLarge(limit);
    return await collect(request, limit, take);
  } catch (error) {
    request.resume();
    throw error;
  }
}

/** 0 where the length is not announced: such a body is counted as it comes, like every other. */
function announcedLength(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

function collect(
  request: IncomingMessage,
  limit: number,
  take: (bytes: number) => void,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    request.on('data', keep);
    const stopWaiting = finished(request, { writable: false }, (cause) => {
      if (cause) stop(new DisconnectedError('Cannot read the body: the client went away', { cause }));
      else resolve(Buffer.concat(pieces, length));
    });

    function keep(piece: Buffer): void {
      try {
        length += piece.length;
        if (length > limit) throw Refusal.tooLarge(limit);
        take(piece.length);
        pieces.push(piece);
      } catch (error) {
        stop(error);
      }
    }

    function stop(error: unknown): void {
      request.off('data', keep);
      stopWaiting();
      reject(error instanceof Error ? error : new TypeError('Cannot keep a piece of the body'));
    }
  });
}
