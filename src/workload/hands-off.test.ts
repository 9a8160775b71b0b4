import { describe, expect, it } from 'vitest';
import { RECORDED, recorded } from '../../test/recorded.ts';
import { containers, deployment, pod, templated } from '../../test/workloads.ts';
import { handsOff } from './hands-off.ts';

const SPEC = containers('a:1');

function owner(apiVersion: string, kind: string, controller: unknown = true): Record<string, unknown> {
  return { apiVersion, kind, name: 'owner', uid: 'u', controller };
}

function ownedBy(...of: Parameters<typeof owner>): Record<string, unknown> {
  return { ownerReferences: [owner(...of)] };
}

describe('handsOff', () => {
  it.each([
    [
      'a ReplicaSet of a Deployment',
      templated('apps/v1', 'ReplicaSet', SPEC, ownedBy('apps/v1', 'Deployment')),
    ],
    ['a Job of a CronJob', templated('batch/v1', 'Job', SPEC, ownedBy('batch/v1', 'CronJob'))],
    ['a Pod of a ReplicaSet', pod(SPEC, ownedBy('apps/v1', 'ReplicaSet'))],
    ['a Pod of a StatefulSet', pod(SPEC, ownedBy('apps/v1', 'StatefulSet'))],
    ['a Pod of a Job', pod(SPEC, ownedBy('batch/v1', 'Job'))],
    ['a Pod of a ReplicationController', pod(SPEC, ownedBy('v1', 'ReplicationController'))],
    [
      'a Pod whose controller is not its first owner',
      pod(SPEC, { ownerReferences: [{ apiVersion: 'x/v1', kind: 'X' }, owner('apps/v1', 'DaemonSet')] }),
    ],
  ])('leaves %s to its controller', (_what, object) => {
    expect(handsOff(object)).toBe('controlled');
  });

  it.each([
    ['nobody', deployment(SPEC)],
    ['an operator', deployment(SPEC, ownedBy('example.com/v1', 'Database'))],
    ['a StatefulSet of another project', pod(SPEC, ownedBy('apps.example.com/v1', 'StatefulSet'))],
    ['an owner that is no controller', pod(SPEC, ownedBy('apps/v1', 'ReplicaSet', false))],
    ['an owner that says nothing about it', pod(SPEC, ownedBy('apps/v1', 'ReplicaSet', null))],
    ['an owner that says it in another type', pod(SPEC, ownedBy('apps/v1', 'ReplicaSet', 'true'))],
    ['owners that are no list', pod(SPEC, { ownerReferences: 'owner' })],
    ['owners that are no objects', pod(SPEC, { ownerReferences: [null, 'owner', 5] })],
  ])('handles what is controlled by %s', (_what, object) => {
    expect(handsOff(object)).toBeUndefined();
  });

  it('leaves mirror pods alone, which stand for a file on a node', () => {
    expect(handsOff(pod(SPEC, { annotations: { 'kubernetes.io/config.mirror': 'abc' } }))).toBe('mirror-pod');
    expect(handsOff(pod(SPEC, { annotations: { 'kubernetes.io/config.mirror': '' } }))).toBe('mirror-pod');
  });

  it.each([
    [{ 'image-cloner': 'disabled' }, 'opted-out'],
    [{ 'image-cloner': 'enabled' }, undefined],
    [{ 'image-cloner': '' }, undefined],
    [{ 'image-cloner': true }, undefined],
    [{ app: 'disabled' }, undefined],
    [['image-cloner'], undefined],
    [null, undefined],
  ])('with labels %j says %s', (labels, expected) => {
    expect(handsOff(deployment(SPEC, { labels }))).toBe(expected);
  });

  it.each([
    [{ 'image-cloner': 'disabled' }, 'opted-out'],
    [{ 'image-cloner': 'enabled' }, undefined],
    [undefined, undefined],
  ])('with labels %j on its pod template says %s', (labels, expected) => {
    const template = { metadata: { labels }, spec: SPEC };
    const object = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: {}, spec: { template } };
    expect(handsOff(object)).toBe(expected);
  });

  it.each([
    undefined,
    null,
    5,
    'Pod',
    [],
    {},
    { metadata: null },
    { metadata: [] },
    { metadata: { labels: null } },
  ])('has nothing against %j', (object) => {
    expect(handsOff(object)).toBeUndefined();
  });

  it.each(RECORDED)('has nothing against the recorded %s', (name) => {
    expect(handsOff(recorded(name).request['object'])).toBeUndefined();
  });
});
