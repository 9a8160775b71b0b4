import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../test/fakes/thrown.ts';
import { CredentialError } from './credential-error.ts';
import { parseCredentialProviderResponse } from './credential-provider-response.ts';

const RESPONSE = {
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  kind: 'CredentialProviderResponse',
  cacheKeyType: 'Registry',
};

function parse(value: unknown) {
  return parseCredentialProviderResponse(
    typeof value === 'string' ? value : JSON.stringify(value),
    '/plugins/ecr',
  );
}

describe('parseCredentialProviderResponse()', () => {
  test('reads credentials with their patterns', () => {
    const auth = {
      '*.reg.io': { username: 'AWS', password: 'pw' },
      'reg.io': { username: '', password: 'pw' },
    };
    expect(parse({ ...RESPONSE, cacheDuration: '6h', auth })).toEqual({
      cacheKeyType: 'Registry',
      cacheMs: 21_600_000,
      auth: [
        { key: '*.reg.io', found: { kind: 'basic', username: 'AWS', password: 'pw' } },
        { key: 'reg.io', found: { kind: 'basic', username: '', password: 'pw' } },
      ],
    });
  });

  test.each([
    [{}],
    [{ auth: null }],
    [{ auth: {}, cacheDuration: null }],
    [{ auth: { 'reg.io': { username: '', password: '' } } }],
  ])('finds no credentials in %j', (fields) => {
    expect(parse({ ...RESPONSE, ...fields })).toEqual({ cacheKeyType: 'Registry', auth: [] });
  });

  test.each(['Image', 'Registry', 'Global'])('takes cache key type %s', (cacheKeyType) => {
    expect(parse({ ...RESPONSE, cacheKeyType }).cacheKeyType).toBe(cacheKeyType);
  });

  test.each(['v1', 'v1beta1', 'v1alpha1'])('takes an answer in %s', (version) => {
    const apiVersion = `credentialprovider.kubelet.k8s.io/${version}`;
    expect(parse({ ...RESPONSE, apiVersion }).auth).toEqual([]);
  });

  test('tells "not to be cached" from "not said"', () => {
    expect(parse({ ...RESPONSE, cacheDuration: '0s' }).cacheMs).toBe(0);
    expect(parse(RESPONSE)).not.toHaveProperty('cacheMs');
  });

  test.each<[unknown, string]>([
    ['', 'a JSON object'],
    ['canary', 'a JSON object'],
    ['{"auth":{"canary', 'a JSON object'],
    [['canary'], 'a JSON object'],
    [{ ...RESPONSE, kind: 'canary' }, '"CredentialProviderResponse" as "kind"'],
    [{ ...RESPONSE, kind: undefined }, '"CredentialProviderResponse" as "kind"'],
    [{ ...RESPONSE, apiVersion: 'canary' }, '"credentialprovider.kubelet.k8s.io/v1" as "apiVersion"'],
    [{ ...RESPONSE, apiVersion: undefined }, '"credentialprovider.kubelet.k8s.io/v1" as "apiVersion"'],
    [{ ...RESPONSE, cacheKeyType: 'canary' }, '"Image", "Registry" or "Global" as "cacheKeyType"'],
    [{ ...RESPONSE, cacheKeyType: 'image' }, '"Image", "Registry" or "Global" as "cacheKeyType"'],
    [{ ...RESPONSE, cacheDuration: 'canary' }, 'a duration like "12h" as "cacheDuration"'],
    [{ ...RESPONSE, cacheDuration: '-1s' }, 'a duration like "12h" as "cacheDuration"'],
    [{ ...RESPONSE, cacheDuration: 60 }, 'a duration like "12h" as "cacheDuration"'],
    [{ ...RESPONSE, auth: ['canary'] }, 'an object as "auth"'],
    [{ ...RESPONSE, auth: 'canary' }, 'an object as "auth"'],
  ])('refuses %j without quoting it', (value, wanted) => {
    const error = thrownBy(() => parse(value));
    expect(error).toBeInstanceOf(CredentialError);
    expect(String(error)).toContain(wanted);
    expect(String(error)).not.toContain('canary');
  });

  test.each([
    ['canary'],
    [null],
    [['canary']],
    [{ username: 'canary', password: 1 }],
    [{ username: null, password: 'canary' }],
  ])('a pattern with %j is a fault of its own', (value) => {
    const { auth } = parse({
      ...RESPONSE,
      auth: { 'user:canary@reg.io/team': value, 'ok.io': { username: 'u', password: 'p' } },
    });
    expect(auth).toMatchObject([{ found: { code: 'CREDENTIAL_BROKEN' } }, { found: { kind: 'basic' } }]);
    expect(inspect(auth[0]?.found)).toContain('auth of reg.io/team');
    expect(inspect(auth[0]?.found)).not.toContain('canary');
  });

  test('a fault under a key that is no pattern names no key', () => {
    const { auth } = parse({ ...RESPONSE, auth: { 'canary canary': 1 } });
    expect(auth[0]?.found).toMatchObject({ message: expect.stringMatching(/of auth$/) });
  });

  test('fails in one way only, whatever it is given', () => {
    const answer = fc.record({ ...asConstants(RESPONSE), cacheDuration: fc.anything(), auth: fc.anything() });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          answer.map((value) => JSON.stringify(value)),
        ),
        (output) => {
          const error = thrownBy(() => parseCredentialProviderResponse(output, 'plugin'));
          expect(error === undefined || error instanceof CredentialError).toBe(true);
        },
      ),
    );
  });
});

function asConstants(record: Record<string, string>): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, fc.constant(value)]));
}
