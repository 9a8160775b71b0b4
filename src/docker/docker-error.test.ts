import { describe, expect, test } from 'vitest';
import { DockerError, daemonSaid, isNotFound } from './docker-error.ts';

describe('what a daemon says', () => {
  // As dockerd 20.10 and 28.5 said it, the latter with either image store.
  test.each<[string, number | undefined, string]>([
    ['manifest for a/b:c not found: manifest unknown: manifest unknown', 404, 'NOT_FOUND'],
    ['failed to resolve reference "a/b:c": a/b:c: not found', 404, 'NOT_FOUND'],
    ['No such image: a/b:c', 404, 'NOT_FOUND'],
    ['An image does not exist locally with the tag: a/b', undefined, 'NOT_FOUND'],
    ['tag does not exist: a/b:c', undefined, 'NOT_FOUND'],
    [
      'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
      500,
      'REGISTRY_UNREACHABLE',
    ],
    ['Get "https://a/v2/": dial tcp: lookup a on 10.0.0.2:53: no such host', 500, 'REGISTRY_UNREACHABLE'],
    ['Get "https://a/v2/": x509: certificate signed by unknown authority', 500, 'REGISTRY_UNREACHABLE'],
    ['Get "https://a/v2/": http: server gave HTTP response to HTTPS client', 500, 'REGISTRY_UNREACHABLE'],
    ['Get "https://a/v2/": net/http: TLS handshake timeout', 500, 'REGISTRY_UNREACHABLE'],
    ['Get "https://a/v2/": dial tcp 10.0.0.1:443: i/o timeout', 500, 'REGISTRY_UNREACHABLE'],
    ['Get "https://a/v2/": context deadline exceeded', 500, 'REGISTRY_UNREACHABLE'],
    ['Get "http://a/v2/x/manifests/1": no basic auth credentials', 500, 'UNAUTHORIZED'],
    ['unauthorized: authentication required', 500, 'UNAUTHORIZED'],
    [
      "pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      404,
      'UNAUTHORIZED',
    ],
    ['denied: requested access to the resource is denied', undefined, 'UNAUTHORIZED'],
    [
      'failed to resolve reference "a/b:c": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
      500,
      'UNAUTHORIZED',
    ],
    ['toomanyrequests: You have reached your pull rate limit.', 500, 'RATE_LIMITED'],
    ['received unexpected HTTP status: 429 Too Many Requests', 500, 'RATE_LIMITED'],
    ['failed to register layer: write /x: no space left on device', undefined, 'FAILED'],
    ['failed to register layer: mkdir /x: permission denied', undefined, 'FAILED'],
    ['received unexpected HTTP status: 502 Bad Gateway', 500, 'FAILED'],
    ['EOF', undefined, 'FAILED'],
    ['anything', 404, 'NOT_FOUND'],
    ['anything', 400, 'REFUSED'],
    ['anything', 409, 'REFUSED'],
    ['anything', 301, 'PROTOCOL'],
  ])('%j with status %s is %s', (message, status, code) => {
    const error = daemonSaid(message, 'pull a/b:c', status);
    expect(error).toMatchObject({ code, status, operation: 'pull a/b:c' });
    expect(error.message).toBe(`Cannot pull a/b:c: ${message}`);
  });

  test('is cut where it is long', () => {
    expect(daemonSaid(`\n${'x'.repeat(501)}\n`, 'pull').message).toBe(`Cannot pull: ${'x'.repeat(500)}…`);
  });
});

describe('an error', () => {
  test.each([
    ['UNREACHABLE', true],
    ['RATE_LIMITED', true],
    ['REGISTRY_UNREACHABLE', true],
    ['INTERRUPTED', true],
    ['TIMEOUT', true],
    ['DENIED', false],
    ['UNSUPPORTED_VERSION', false],
    ['NOT_FOUND', false],
    ['UNAUTHORIZED', false],
    ['ABORTED', false],
    ['TOO_LARGE', false],
    ['PROTOCOL', false],
    ['REFUSED', false],
    ['FAILED', false],
  ] as const)('of code %s may be tried again: %s', (code, retriable) => {
    expect(new DockerError('x', { code, operation: 'pull' })).toMatchObject({ code, retriable });
  });

  test('has the cause that it was given, and none otherwise', () => {
    const cause = new Error('socket');
    expect(new DockerError('x', { code: 'FAILED', operation: 'pull', cause }).cause).toBe(cause);
    expect('cause' in new DockerError('x', { code: 'FAILED', operation: 'pull' })).toBe(false);
  });

  test('of something that is not there is told from others', () => {
    expect(isNotFound(daemonSaid('x', 'pull', 404))).toBe(true);
    expect(isNotFound(daemonSaid('x', 'pull', 500))).toBe(false);
    expect(isNotFound(Object.assign(new Error('x'), { code: 'NOT_FOUND' }))).toBe(false);
    expect(isNotFound(undefined)).toBe(false);
  });
});
