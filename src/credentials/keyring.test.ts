import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CredentialError } from './credential-error.ts';
import { Keyring, type KeyringEntry } from './keyring.ts';

/** Entries whose user name is their key. */
function entries(...keys: readonly string[]): KeyringEntry[] {
  return keys.map((key) => ({ key, found: { kind: 'basic', username: key, password: 'p' } }));
}

function lookup(keyring: Keyring, image: string): unknown[] {
  const slash = image.indexOf('/');
  const found = keyring.lookup({ host: image.slice(0, slash), path: image.slice(slash + 1) });
  return found.map((one) => ('username' in one ? one.username : one));
}

describe('keys', () => {
  test.each([
    ['reg.io'],
    ['http://reg.io'],
    ['https://reg.io'],
    ['https://reg.io/'],
    ['https://reg.io/v1/'],
    ['https://reg.io/v2/'],
    ['reg.io/v2/'],
    ['https://reg.io/v1/team'],
    ['https://reg.io/team'],
    ['https://*.io'],
  ])('%j serves reg.io/team/app', (key) => {
    expect(lookup(new Keyring(entries(key)), 'reg.io/team/app')).toEqual([key]);
  });

  test.each([
    ['https://reg.io/v1'],
    ['https://reg.io/v3/'],
    ['ftp://reg.io'],
    ['https://https://reg.io'],
    ['reg.io/v2/other'],
    ['https://'],
    [''],
    ['reg.io:port'],
  ])('%j does not serve it', (key) => {
    expect(lookup(new Keyring(entries(key)), 'reg.io/team/app')).toEqual([]);
  });
});

describe('order', () => {
  test('is longer keys first, globs after plain keys', () => {
    const keyring = new Keyring(
      entries('*.io', 'reg.io', 'reg.io/team', '*.io/team/app', 'r*.io', 'reg.io/team/app'),
    );
    expect(lookup(keyring, 'reg.io/team/app')).toEqual([
      'reg.io/team/app',
      'reg.io/team',
      'reg.io',
      'r*.io',
      '*.io/team/app',
      '*.io',
    ]);
  });

  test('keeps several credentials of one key in the order they were written in', () => {
    const keyring = new Keyring(entries('https://reg.io/v2/', 'reg.io/', 'http://reg.io'));
    expect(lookup(keyring, 'reg.io/app')).toEqual(['https://reg.io/v2/', 'reg.io/', 'http://reg.io']);
  });

  test('does not depend on the order of the file', () => {
    const keys = ['*.io', 'reg.io', 'reg.io/team', 'r*.io', '*.io/team', 'other.io'];
    const expected = lookup(new Keyring(entries(...keys)), 'reg.io/team/app');
    fc.assert(
      fc.property(fc.shuffledSubarray(keys, { minLength: keys.length }), (shuffled) => {
        expect(lookup(new Keyring(entries(...shuffled)), 'reg.io/team/app')).toEqual(expected);
      }),
    );
  });
});

describe('Docker Hub', () => {
  test.each([
    'docker.io',
    'index.docker.io',
    'https://index.docker.io/v1/',
    'https://index.docker.io/v2/',
    'registry-1.docker.io',
    'https://registry-1.docker.io',
  ])('is served by %j', (key) => {
    expect(lookup(new Keyring(entries(key)), 'docker.io/library/alpine')).toEqual([key]);
  });

  test('takes its older names only where its present one is missing', () => {
    const keyring = new Keyring(entries('https://index.docker.io/v1/', 'docker.io/library'));
    expect(lookup(keyring, 'docker.io/library/alpine')).toEqual(['docker.io/library']);
    expect(lookup(keyring, 'docker.io/bitnami/redis')).toEqual(['https://index.docker.io/v1/']);
  });

  test.each([
    // Written by `docker login` for its own purposes.
    'https://index.docker.io/v1/access-token',
    'https://index.docker.io/v1/refresh-token',
    'evil-docker.io',
    'docker.io.evil.com',
  ])('is not served by %j', (key) => {
    expect(lookup(new Keyring(entries(key)), 'docker.io/library/alpine')).toEqual([]);
  });

  test('gives its credentials to nobody else', () => {
    expect(lookup(new Keyring(entries('https://index.docker.io/v1/')), 'reg.io/library/alpine')).toEqual([]);
  });
});

test('a fault stands where its key puts it', () => {
  const fault = new CredentialError('config.json', 'broken');
  const keyring = new Keyring([...entries('reg.io'), { key: 'reg.io/team', found: fault }]);
  expect(lookup(keyring, 'reg.io/team/app')).toEqual([fault, 'reg.io']);
  expect(lookup(keyring, 'reg.io/other/app')).toEqual(['reg.io']);
});
