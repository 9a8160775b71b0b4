import type { Readable } from 'node:stream';
import type { Context } from 'koa';

type Headers = Readonly<Record<string, string>>;

/** Answers without a body. */
export function answerEmpty(ctx: Context, status: number, headers: Headers): void {
  // In this order: setting no body sets a status of its own.
  ctx.body = null;
  ctx.status = status;
  ctx.set(headers);
}

/** Answers with a body, or with its headers alone to HEAD. `Content-Type` is sent as given, without a charset. */
export function answerBytes(ctx: Context, status: number, headers: Headers, bytes: Buffer | string): void {
  ctx.status = status;
  ctx.set(headers);
  ctx.body = bytes;
}

/** Answers with a stream of known length; to HEAD it is not even opened. */
export async function answerStream(
  ctx: Context,
  headers: Headers,
  length: number,
  open: () => Promise<Readable>,
): Promise<void> {
  ctx.status = 200;
  ctx.set(headers);
  if (ctx.method !== 'HEAD') ctx.body = await open();
  ctx.length = length;
}
