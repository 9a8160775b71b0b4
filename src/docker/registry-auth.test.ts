import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Credential, registryAuth } from './registry-auth.ts';

function decoded(host: string, credential?: Credential): unknown {
  const value = registryAuth(host, credential);
  // Go's base64.URLEncoding, which takes nothing else: its own alphabet, and padding.
  expect(value).toMatch(/^[\w-]+={0,2}$/);
  expect(value.length % 4).toBe(0);
  return JSON.parse(Buffer.from(value, 'base64url').toString('utf8'));
}

describe('X-Registry-Auth', () => {
  test('is there for nobody too', () => {
    expect(registryAuth('registry.test')).toBe('e30=');
  });

  test.each<[Credential, object]>([
    [
      { kind: 'basic', username: 'ada', password: 'love:lace' },
      { username: 'ada', password: 'love:lace', serveraddress: 'registry.test:5000' },
    ],
    [
      { kind: 'identity-token', token: 't' },
      { identitytoken: 't', serveraddress: 'registry.test:5000' },
    ],
    [
      { kind: 'identity-token', token: 't', username: 'ada' },
      { identitytoken: 't', username: 'ada', serveraddress: 'registry.test:5000' },
    ],
    [
      { kind: 'registry-token', token: 't' },
      { registrytoken: 't', serveraddress: 'registry.test:5000' },
    ],
  ])('of %j', (credential, json) => {
    expect(decoded('registry.test:5000', credential)).toEqual(json);
  });

  test('names Docker Hub as Docker does', () => {
    const credential = { kind: 'registry-token', token: 't' } as const;
    expect(decoded('docker.io', credential)).toMatchObject({ serveraddress: 'https://index.docker.io/v1/' });
  });

  test('is read by Go, whatever the password', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (password) => {
        const credential = { kind: 'basic', username: 'ada', password } as const;
        expect(decoded('registry.test', credential)).toMatchObject({ password });
      }),
    );
  });
});
