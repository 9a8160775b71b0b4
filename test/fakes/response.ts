import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import type { Fault } from './fault.ts';

type Stage = Pick<Fault, 'pause' | 'cutAfterResponseBytes'>;

/** Sends an answer, and stops in the middle where the play says so. */
export async function send(answer: Answer, stage: Stage, response: ServerResponse): Promise<void> {
  writeHead(answer, response);
  if (response.req.method === 'HEAD') return void response.end();
  let sent = 0;
  if (stage.pause !== undefined) {
    sent = stage.pause.afterBytes;
    response.write(answer.body.subarray(0, sent));
    await stage.pause.until;
  }
  const rest = answer.body.subarray(sent, stage.cutAfterResponseBytes);
  if (stage.cutAfterResponseBytes === undefined) return void response.end(rest);
  response.write(rest);
  // Not a reset: that might throw away bytes under way, and a test wants exactly so many to arrive.
  response.socket?.destroySoon();
}

function writeHead({ status, headers, body }: Answer, response: ServerResponse): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // 204 and 304 have no body; a length header there misleads clients (RFC 9110, 8.6).
  if (headers['transfer-encoding'] === undefined && status !== 204 && status !== 304) {
    response.setHeader('content-length', headers['content-length']?.toString() ?? body.length);
  }
  response.writeHead(status);
  response.flushHeaders();
}

/** Resets the connection (RST); a unix socket knows no resets and is closed. */
export function cut({ socket }: IncomingMessage): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
