import { describe, expect, it } from 'vitest';
import { containers, pod } from '../../test/workloads.ts';
import { controllerOf } from './controller.ts';
import { BUILT_IN_KINDS } from './kinds.ts';

const SPEC = containers('a:1');

function ownedBy(apiVersion: string, kind: string): Record<string, unknown> {
  return pod(SPEC, { ownerReferences: [{ apiVersion, kind, controller: true }] });
}

describe('controllerOf', () => {
  it.each([
    ['apps/v1', 'ReplicaSet', 'ReplicaSet.apps'],
    ['batch/v1', 'Job', 'Job.batch'],
    ['example.com/v1', 'Rollout', undefined],
    ['v1', 'Node', undefined],
  ])('of a Pod that %s %s made is %s', (apiVersion, kind, expected) => {
    expect(controllerOf(ownedBy(apiVersion, kind))).toBe(expected);
  });

  it('knows the kinds that the operator added', () => {
    const kinds = new Map([...BUILT_IN_KINDS, ['Rollout.example.com', { podSpec: ['spec'] }] as const]);
    expect(controllerOf(ownedBy('example.com/v1', 'Rollout'), kinds)).toBe('Rollout.example.com');
  });

  it.each([undefined, null, 'Pod', pod(SPEC), pod(SPEC, { ownerReferences: null })])(
    'of %j is nobody',
    (object) => {
      expect(controllerOf(object)).toBeUndefined();
    },
  );
});
