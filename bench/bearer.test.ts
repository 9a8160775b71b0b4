import { expect, test } from 'vitest';
import { demandToken } from './bearer.ts';
import { type RequestHead, RequestReader } from './request-reader.ts';

const REALM = 'http://127.0.0.1:4711/token';
const TOKENS = {
  check: (token: string, scopes: readonly string[]) => {
    if (token !== 'good') return 'invalid_token';
    return scopes.every((scope) => scope === 'repository:a/b:pull') ? undefined : 'insufficient_scope';
  },
} as const;

function headOf(line: string, authorization?: string): RequestHead {
  const header = authorization === undefined ? '' : `Authorization: ${authorization}\r\n`;
  const [part] = new RequestReader().read(Buffer.from(`${line} HTTP/1.1\r\n${header}\r\n`));
  if (part?.type !== 'head') throw new Error('no head');
  return part.head;
}

const refuse = demandToken(TOKENS, REALM);

test('a token with the right scope lets a request pass', () => {
  expect(refuse(headOf('GET /v2/a/b/manifests/1', 'Bearer good'))).toBeUndefined();
});

test.each([
  { line: 'GET /v2/', scope: undefined },
  { line: 'GET /v2/a/b/manifests/1', scope: 'repository:a/b:pull' },
  { line: 'HEAD /v2/a/b/blobs/sha256:1', scope: 'repository:a/b:pull' },
  { line: 'POST /v2/a/b/blobs/uploads/?mount=x', scope: 'repository:a/b:pull,push' },
  { line: 'PUT /v2/a/manifests/1', scope: 'repository:a:pull,push' },
])('$line without a token is asked for the scope $scope', ({ line, scope }) => {
  const answer = refuse(headOf(line)) ?? '';
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  const named = scope === undefined ? '' : `,scope="${scope}"`;
  expect(answer).toContain(`\r\nWww-Authenticate: Bearer realm="${REALM}",service="bench"${named}\r\n`);
});

test.each([
  { authorization: 'Bearer bad', error: 'invalid_token' },
  { authorization: 'Bearer good', error: 'insufficient_scope' },
])('a token that does not do is told why: $error', ({ authorization, error }) => {
  expect(refuse(headOf('PUT /v2/a/b/manifests/1', authorization))).toContain(`,error="${error}"\r\n`);
});

test('a password is no token', () => {
  expect(refuse(headOf('GET /v2/', 'Basic Z29vZA=='))).toContain('401');
});

test('the answer to HEAD ends with its head', () => {
  expect(refuse(headOf('HEAD /v2/a/manifests/1'))).toMatch(/Content-Length: [1-9]\d*\r\n\r\n$/);
});
