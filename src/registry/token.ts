import { isRecord } from '../image/descriptor.ts';
import { RegistryError } from './registry-error.ts';

/** The token specification's default and least life, in seconds. */
const LEAST_LIFE_SECONDS = 60;
/** Renewed this long before its end, so that a request under way does not outlive it. */
const RENEWAL_MARGIN_SECONDS = 10;
/** What a header can carry (RFC 6750, 2.1, is stricter; real tokens are not). */
const SENDABLE = /^[\x21-\x7e]+$/;

export interface Token {
  readonly value: string;
  /** On the clock of `performance.now()`. */
  readonly endsAt: number;
}

/**
 * Reads a token server's answer. `issued_at` is left alone: clocks differ, and our own says when the token arrived.
 * @throws RegistryError `PROTOCOL`
 */
export function readToken(text: string, operation: string): Token {
  const body = parse(text);
  const value = body?.['token'] || body?.['access_token'];
  if (typeof value !== 'string' || !SENDABLE.test(value)) {
    throw new RegistryError('wanted JSON with "token" or "access_token"', { code: 'PROTOCOL', operation });
  }
  const life = Number(body?.['expires_in'] ?? LEAST_LIFE_SECONDS);
  const seconds = Math.max(LEAST_LIFE_SECONDS, Number.isFinite(life) ? life : 0) - RENEWAL_MARGIN_SECONDS;
  return { value, endsAt: performance.now() + seconds * 1000 };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isRecord(body) ? body : undefined;
  } catch {
    return undefined;
  }
}
