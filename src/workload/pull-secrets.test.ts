import { describe, expect, test } from 'vitest';
import { cronJob, deployment, pod } from '../../test/workloads.ts';
import { pullSecretsOf, secretNames } from './pull-secrets.ts';
import { serviceAccountOf } from './service-account.ts';

const SPEC = { imagePullSecrets: [{ name: 'one' }, { name: 'two' }], serviceAccountName: 'builder' };

describe('the pull secrets of a workload', () => {
  test.each([
    ['a pod', pod(SPEC)],
    ['a template', deployment(SPEC)],
    ['a template in a template', cronJob(SPEC)],
  ])('are those of its pods: %s', (_what, object) => {
    expect(pullSecretsOf(object)).toEqual({ names: ['one', 'two'], serviceAccount: 'builder' });
  });

  test('are none where none are named, and the account is the default one', () => {
    expect(pullSecretsOf(pod({}))).toEqual({ names: [], serviceAccount: 'default' });
  });

  test.each([null, undefined, 1, {}, { kind: 'ConfigMap', apiVersion: 'v1' }])(
    'of what has no pods are none: %j',
    (object) => {
      expect(pullSecretsOf(object)).toEqual({ names: [] });
      expect(serviceAccountOf(object)).toBeUndefined();
    },
  );

  test('are looked at only so far: each costs a request', () => {
    const imagePullSecrets = Array.from({ length: 1000 }, (_, index) => ({ name: `s${index}` }));
    expect(pullSecretsOf(pod({ imagePullSecrets })).names).toHaveLength(16);
  });

  test('of an account whose name can be none are not looked for', () => {
    expect(pullSecretsOf(pod({ serviceAccountName: '../../secrets/x' }))).toEqual({ names: [] });
  });
});

test.each([
  [undefined, []],
  ['text', []],
  [
    [{ name: 'a' }, { name: 'a' }, { name: 'b.c' }],
    ['a', 'b.c'],
  ],
  [[null, 1, {}, { name: 1 }, { name: '' }, { name: 'A' }, { name: 'a/b' }, { name: '..' }], []],
  [[{ name: 'x'.repeat(253) }, { name: 'y'.repeat(254) }], ['x'.repeat(253)]],
  [[{ name: 'a?b' }, { name: 'a%2f' }, { name: 'a\n' }, { name: '-a' }], []],
])('the names in %j are %j', (list, names) => {
  expect(secretNames(list)).toEqual(names);
});
