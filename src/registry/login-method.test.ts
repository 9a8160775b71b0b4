import { describe, expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';
import { askedScope, readMethod } from './login-method.ts';

const url = new URL('https://registry.example/v2/app/manifests/v1');
const bearer = 'Bearer realm="https://auth.example/token",service="s",scope="repository:app:pull"';

function method(...headers: readonly string[]): unknown {
  const read = readMethod(parseChallenges(headers), url);
  return read?.scheme === 'bearer' ? [read.realm.href, read.service] : read?.scheme;
}

describe('several challenges', () => {
  test.each([
    ['Bearer before Basic', [bearer, 'Basic realm="x"']],
    ['Basic before Bearer', ['Basic realm="x"', bearer]],
    ['in one header', [`Basic realm="x", ${bearer}`]],
    ['Negotiate first', ['Negotiate', bearer]],
    ['a Bearer without realm first', ['Bearer', bearer]],
    ['a Bearer with an empty realm first', ['Bearer realm=""', bearer]],
  ])('%s: Bearer is chosen', (_name, headers) => {
    expect(method(...headers)).toEqual(['https://auth.example/token', 's']);
  });

  test('a Bearer without realm leaves Basic', () => {
    expect(method('Bearer', 'Basic realm="x"')).toBe('basic');
  });

  test.each([[[]], [['Negotiate']], [['Digest realm="x"']], [['Bearer']]])(
    '%j is none that we speak',
    (headers) => {
      expect(method(...headers)).toBeUndefined();
    },
  );
});

describe('the realm', () => {
  test.each([
    ['/token', 'https://registry.example/token'],
    ['token', 'https://registry.example/v2/app/manifests/token'],
    ['//auth.example/token', 'https://auth.example/token'],
    ['https://user:secret@auth.example/token', 'https://auth.example/token'],
    ['https://auth.example:443/token', 'https://auth.example/token'],
  ])('%s is resolved against the registry', (realm, href) => {
    expect(method(`Bearer realm="${realm}"`)).toEqual([href, undefined]);
  });

  test.each([
    ['http://auth.example/token', 'FORBIDDEN_HOP'],
    ['ftp://auth.example/token', 'PROTOCOL'],
    ['https://', 'PROTOCOL'],
    ['file:///etc/passwd', 'PROTOCOL'],
  ])('%s is refused', (realm, code) => {
    expect(() => method(`Bearer realm="${realm}"`)).toThrow(expect.objectContaining({ code }));
  });
});

test('the scope is that of the challenge with the realm', () => {
  expect(askedScope(parseChallenges(['Bearer scope="other"', bearer]))).toBe('repository:app:pull');
  expect(askedScope(parseChallenges('Basic realm="x"'))).toBeUndefined();
});
