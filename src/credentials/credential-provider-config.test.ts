import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../test/fakes/thrown.ts';
import { CredentialError } from './credential-error.ts';
import { readCredentialProviderConfig } from './credential-provider-config.ts';

const PROVIDER = {
  name: 'ecr-credential-provider',
  matchImages: ['*.dkr.ecr.*.amazonaws.com'],
  defaultCacheDuration: '12h',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
};

function configWith(...providers: readonly unknown[]): object {
  return { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers };
}

/** The message of the error, or nothing. */
function faultsIn(value: unknown): string {
  const error = thrownBy(() => readCredentialProviderConfig(value, 'providers.yaml'));
  return error instanceof CredentialError ? error.message : inspect(error ?? '');
}

describe('readCredentialProviderConfig()', () => {
  test('reads a provider with the least there may be', () => {
    expect(readCredentialProviderConfig(configWith(PROVIDER), 'providers.yaml')).toEqual([
      {
        name: 'ecr-credential-provider',
        matchImages: ['*.dkr.ecr.*.amazonaws.com'],
        defaultCacheMs: 43_200_000,
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        args: [],
        env: {},
      },
    ]);
  });

  test('reads arguments and variables, the last of the same name counting', () => {
    const env = [{ name: 'A', value: '1' }, { name: 'B' }, { name: 'A', value: '2' }];
    const [provider] = readCredentialProviderConfig(
      configWith({ ...PROVIDER, args: ['get', '-v'], env }),
      'p',
    );
    expect(provider).toMatchObject({ args: ['get', '-v'], env: { A: '2', B: '' } });
  });

  test('reads several in their order', () => {
    const names = ['b', 'a', 'c'].map((name) => ({ ...PROVIDER, name }));
    expect(readCredentialProviderConfig(configWith(...names), 'p').map(({ name }) => name)).toEqual([
      'b',
      'a',
      'c',
    ]);
  });

  test.each<[string, object]>([
    ['arguments left empty in YAML', { ...PROVIDER, args: null, env: null }],
    ['no caching', { ...PROVIDER, defaultCacheDuration: '0s' }],
    ['an older exec protocol', { ...PROVIDER, apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1' }],
    ['fields of later versions', { ...PROVIDER, later: {} }],
    ['a token that is not required', { ...PROVIDER, tokenAttributes: { requireServiceAccount: false } }],
  ])('takes %s', (_what, provider) => {
    expect(faultsIn(configWith(provider))).toBe("''");
  });

  test.each(['kubelet.config.k8s.io/v1', 'kubelet.config.k8s.io/v1beta1', 'kubelet.config.k8s.io/v1alpha1'])(
    'takes the file in version %s',
    (apiVersion) => {
      expect(faultsIn({ ...configWith(PROVIDER), apiVersion })).toBe("''");
    },
  );

  test.each<[unknown, string]>([
    [null, 'kind: wanted "CredentialProviderConfig"'],
    ['text', 'kind: wanted "CredentialProviderConfig"'],
    [{ ...configWith(PROVIDER), kind: 'KubeletConfiguration' }, 'kind: wanted "CredentialProviderConfig"'],
    [{ ...configWith(PROVIDER), apiVersion: 'v1' }, 'apiVersion: wanted "kubelet.config.k8s.io/v1"'],
    [{ ...configWith(PROVIDER), apiVersion: 'xkubelet.config.k8s.io/v1' }, 'apiVersion: wanted'],
    [configWith(), 'providers: wanted a list of at least one'],
    [{ ...configWith(), providers: { a: PROVIDER } }, 'providers: wanted a list of at least one'],
    [configWith('text'), 'providers[0].name: wanted a file name'],
    [configWith({ ...PROVIDER, name: '../evil' }), 'providers[0].name: wanted a file name'],
    [configWith({ ...PROVIDER, name: '/bin/sh' }), 'providers[0].name: wanted a file name'],
    [configWith({ ...PROVIDER, name: '..' }), 'providers[0].name: wanted a file name'],
    [configWith({ ...PROVIDER, name: '.' }), 'providers[0].name: wanted a file name'],
    [configWith({ ...PROVIDER, name: 'a b' }), 'providers[0].name: wanted a file name'],
    [configWith({ ...PROVIDER, name: '' }), 'providers[0].name: wanted a file name'],
    [configWith({ ...PROVIDER, name: 'a\0b' }), 'providers[0].name: wanted a file name'],
    [configWith(PROVIDER, PROVIDER), 'providers[1].name: wanted a name of its own'],
    [
      configWith({ ...PROVIDER, matchImages: [] }),
      'providers[0].matchImages: wanted a list of at least one pattern',
    ],
    [configWith({ ...PROVIDER, matchImages: [1] }), 'providers[0].matchImages: wanted'],
    [configWith({ ...PROVIDER, matchImages: 'reg.io' }), 'providers[0].matchImages: wanted'],
    [
      configWith({ ...PROVIDER, defaultCacheDuration: undefined }),
      'providers[0].defaultCacheDuration: wanted a duration',
    ],
    [
      configWith({ ...PROVIDER, defaultCacheDuration: 60 }),
      'providers[0].defaultCacheDuration: wanted a duration',
    ],
    [
      configWith({ ...PROVIDER, defaultCacheDuration: '-1s' }),
      'providers[0].defaultCacheDuration: wanted a duration',
    ],
    [
      configWith({ ...PROVIDER, apiVersion: 'v1' }),
      'providers[0].apiVersion: wanted "credentialprovider.kubelet.k8s.io/v1"',
    ],
    [configWith({ ...PROVIDER, args: 'get' }), 'providers[0].args: wanted a list of texts'],
    [configWith({ ...PROVIDER, args: [1] }), 'providers[0].args: wanted a list of texts'],
    [configWith({ ...PROVIDER, env: { A: '1' } }), 'providers[0].env: wanted a list of objects'],
    [configWith({ ...PROVIDER, env: ['A=1'] }), 'providers[0].env: wanted a list of objects'],
    [
      configWith({ ...PROVIDER, env: [{ name: '', value: '1' }] }),
      'providers[0].env: wanted a list of objects',
    ],
    [
      configWith({ ...PROVIDER, env: [{ name: 'A', value: 1 }] }),
      'providers[0].env: wanted a list of objects',
    ],
    [
      configWith({ ...PROVIDER, tokenAttributes: { requireServiceAccount: true } }),
      'providers[0].tokenAttributes: wanted none',
    ],
    [configWith({ ...PROVIDER, tokenAttributes: {} }), 'providers[0].tokenAttributes: wanted none'],
  ])('refuses %j', (value, fault) => {
    expect(faultsIn(value)).toContain(`from "providers.yaml": `);
    expect(faultsIn(value)).toContain(fault);
  });

  test('names every fault at once', () => {
    const faults = faultsIn({ apiVersion: 'v1', kind: 'x', providers: [{ ...PROVIDER, name: '' }, {}] });
    for (const place of [
      'apiVersion:',
      'kind:',
      '[0].name:',
      '[1].name:',
      '[1].matchImages:',
      '[1].defaultCacheDuration:',
      '[1].apiVersion:',
    ])
      expect(faults).toContain(place);
  });
});
