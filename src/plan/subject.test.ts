import { describe, expect, it } from 'vitest';
import { containers, pod, templated } from '../../test/workloads.ts';
import { BUILT_IN_KINDS } from '../workload/kinds.ts';
import { subjectOf } from './subject.ts';

const SPEC = containers('a:1');

function subject(object: unknown): ReturnType<typeof subjectOf> {
  return subjectOf(object, 'shop', BUILT_IN_KINDS);
}

function owned(apiVersion: string, kind: string): Record<string, unknown> {
  return { ownerReferences: [{ apiVersion, kind, controller: true }] };
}

describe('subjectOf', () => {
  it('has the namespace of the request, which templates do not carry', () => {
    expect(subject(templated('apps/v1', 'Deployment', SPEC)).namespace).toBe('shop');
  });

  it.each([
    ['a Deployment', templated('apps/v1', 'Deployment', SPEC), ['Deployment.apps']],
    ['a Pod', pod(SPEC), ['Pod']],
    ['a Pod of a StatefulSet', pod(SPEC, owned('apps/v1', 'StatefulSet')), ['Pod', 'StatefulSet.apps']],
    [
      'a Pod of a ReplicaSet, which a Deployment made',
      pod(SPEC, owned('apps/v1', 'ReplicaSet')),
      ['Pod', 'ReplicaSet.apps', 'Deployment.apps'],
    ],
    ['a Pod of a Job', pod(SPEC, owned('batch/v1', 'Job')), ['Pod', 'Job.batch', 'CronJob.batch']],
    ['a Pod of an operator', pod(SPEC, owned('example.com/v1', 'Database')), ['Pod']],
    ['nothing', null, []],
  ])('of %s has its kinds', (_what, object, kinds) => {
    expect(subject(object).kinds).toEqual(kinds);
  });

  it('counts what the pod template says, and rather what the workload says', () => {
    const template = {
      metadata: { labels: { app: 'inner', tier: 'web' }, annotations: { a: '1' } },
      spec: SPEC,
    };
    const metadata = { labels: { app: 'outer' }, annotations: { b: '2' } };
    const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template } };
    expect(subject(object)).toMatchObject({
      labels: { app: 'outer', tier: 'web' },
      annotations: { a: '1', b: '2' },
    });
  });

  it.each([
    [undefined, 'default'],
    ['', 'default'],
    [5, 'default'],
    ['build', 'build'],
  ])('with %j as service account has %s', (serviceAccountName, expected) => {
    expect(subject(pod({ ...SPEC, serviceAccountName })).serviceAccount).toBe(expected);
  });

  it('has no service account without pods', () => {
    expect(subject({ apiVersion: 'v1', kind: 'Service' })).not.toHaveProperty('serviceAccount');
  });

  it.each([null, [], 'labels', undefined])('takes %j for no labels', (labels) => {
    expect(subject(pod(SPEC, { labels })).labels).toEqual({});
  });
});
