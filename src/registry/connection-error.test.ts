import { describe, expect, test } from 'vitest';
import { asRegistryError, isConnectionFault } from './connection-error.ts';
import { RegistryError } from './registry-error.ts';

const operation = 'read manifest a:v1';
const { signal } = new AbortController();

function coded(code: string, message = 'scripted'): Error {
  return Object.assign(new Error(message), { code });
}

describe('what a failed connection means', () => {
  test.each([
    ['ECONNREFUSED', 'UNREACHABLE', true],
    ['ECONNRESET', 'UNREACHABLE', true],
    ['EPIPE', 'UNREACHABLE', true],
    ['ENOTFOUND', 'UNREACHABLE', true],
    ['EAI_AGAIN', 'UNREACHABLE', true],
    ['UND_ERR_SOCKET', 'UNREACHABLE', true],
    ['HPE_INVALID_CONSTANT', 'UNREACHABLE', true],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'UNREACHABLE', true],
    ['ETIMEDOUT', 'TIMEOUT', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'TIMEOUT', true],
    ['UND_ERR_HEADERS_TIMEOUT', 'TIMEOUT', true],
    ['UND_ERR_BODY_TIMEOUT', 'TIMEOUT', true],
    ['CERT_HAS_EXPIRED', 'UNTRUSTED', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'UNTRUSTED', false],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'UNTRUSTED', false],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNTRUSTED', false],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNTRUSTED', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'UNTRUSTED', false],
    ['UND_ERR_INVALID_ARG', 'PROTOCOL', false],
    ['ERR_INVALID_URL', 'PROTOCOL', false],
  ])('%s: %s, worth another try: %s', (code, meaning, retriable) => {
    const cause = coded(code);
    expect(asRegistryError(cause, { operation, signal })).toMatchObject({
      code: meaning,
      retriable,
      operation,
      cause,
    });
  });

  test('a signal that ran out of time means that the registry took too long', () => {
    const cause = new DOMException('too long', 'TimeoutError');
    expect(asRegistryError(cause, { operation, signal })).toMatchObject({ code: 'TIMEOUT' });
  });

  test('a signal of the caller that aborted means that the caller wanted it so', () => {
    const aborted = AbortSignal.abort();
    expect(asRegistryError(coded('ECONNRESET'), { operation, signal: aborted })).toMatchObject({
      code: 'ABORTED',
    });
  });

  test('an error that is ours already passes as it is, aborted or not', () => {
    const error = new RegistryError('gone', { code: 'NOT_FOUND', operation });
    expect(asRegistryError(error, { operation: 'other', signal: AbortSignal.abort() })).toBe(error);
  });

  test.each([
    [coded('ECONNREFUSED', ''), 'Cannot read manifest a:v1: ECONNREFUSED'],
    [coded('ECONNREFUSED', 'refused'), 'Cannot read manifest a:v1: refused'],
    ['text', 'Cannot read manifest a:v1: text'],
  ])('the message has what there is to say: %s', (thrown, message) => {
    expect(asRegistryError(thrown, { operation, signal }).message).toBe(message);
  });
});

describe('a stream that broke while it was sent', () => {
  test.each([
    'ECONNRESET',
    'EPIPE',
    'EPROTO',
    'EHOSTUNREACH',
    'UND_ERR_SOCKET',
    'UND_ERR_ABORTED',
    'CERT_HAS_EXPIRED',
  ])('broke with its connection: %s', (code) => {
    expect(isConnectionFault(coded(code))).toBe(true);
  });

  test('broke with its connection when that was aborted', () => {
    expect(isConnectionFault(new DOMException('stop', 'AbortError'))).toBe(true);
  });

  test.each(['ENOENT', 'EIO', 'EACCES', 'CONTENT_MISMATCH', 'NOT_FOUND', ''])(
    'broke by itself: %s',
    (code) => {
      expect(isConnectionFault(coded(code))).toBe(false);
    },
  );
});
