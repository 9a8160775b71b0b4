import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';
import { Refusal } from './refusal.ts';

/** The one user of a registry. */
export interface BasicAuth {
  readonly username: string;
  readonly password: string;
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** @throws Refusal when the request does not carry the user's name and password (RFC 7617) */
export function checkAuth(ctx: Context, { username, password }: BasicAuth): void {
  const [scheme = '', credentials = ''] = ctx.get('authorization').split(' ');
  const wanted = Buffer.from(`${username}:${password}`).toString('base64');
  if (scheme.toLowerCase() === 'basic' && isSame(credentials, wanted)) return;
  const headers = { 'WWW-Authenticate': 'Basic realm="image-cloner registry", charset="UTF-8"' };
  throw new Refusal({ status: 401, code: 'UNAUTHORIZED', message: 'authentication is required', headers });
}

/** @throws Refusal when the request would change something */
export function checkReading(ctx: Context): void {
  if (READING.has(ctx.method)) return;
  const headers = { Allow: [...READING].join(', ') };
  throw new Refusal({ status: 405, code: 'UNSUPPORTED', message: 'the registry is read-only', headers });
}

/** Takes the same time for every wrong guess: hashes have one length. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(hash(a), hash(b));
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
