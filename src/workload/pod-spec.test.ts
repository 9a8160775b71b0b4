import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECORDED, recorded } from '../../test/recorded.ts';
import { cronJob, pod, templated } from '../../test/workloads.ts';
import { groupKindOf } from './group-kind.ts';
import { BUILT_IN_KINDS } from './kinds.ts';
import { findPodSpec, podMetadataOf } from './pod-spec.ts';

const SPEC = { containers: [] };
const TEMPLATE = ['spec', 'template', 'spec'];

describe('findPodSpec', () => {
  it.each([
    ['Pod', pod(SPEC), ['spec']],
    ['Deployment', templated('apps/v1', 'Deployment', SPEC), TEMPLATE],
    ['ReplicaSet', templated('apps/v1', 'ReplicaSet', SPEC), TEMPLATE],
    ['StatefulSet', templated('apps/v1', 'StatefulSet', SPEC), TEMPLATE],
    ['DaemonSet', templated('apps/v1', 'DaemonSet', SPEC), TEMPLATE],
    ['Job', templated('batch/v1', 'Job', SPEC), TEMPLATE],
    ['CronJob', cronJob(SPEC), ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
    ['ReplicationController', templated('v1', 'ReplicationController', SPEC), TEMPLATE],
    [
      'PodTemplate',
      { apiVersion: 'v1', kind: 'PodTemplate', template: { spec: SPEC } },
      ['template', 'spec'],
    ],
  ])('finds that of a %s', (_kind, object, path) => {
    expect(findPodSpec(object)).toEqual({ path, spec: SPEC });
  });

  it.each([
    ['a Service', { apiVersion: 'v1', kind: 'Service', spec: SPEC }],
    ['a Scale', { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 3 } }],
    ['a Binding', { apiVersion: 'v1', kind: 'Binding', target: {} }],
    ['a Job of another project', templated('batch.example.com/v1', 'Job', SPEC)],
    ['a Deployment of the core group', templated('v1', 'Deployment', SPEC)],
    ['a Pod of another group', { apiVersion: 'metrics.k8s.io/v1', kind: 'Pod', spec: SPEC }],
    ['a Pod without spec', pod(undefined)],
    ['a Pod whose spec is null', pod(null)],
    ['a Pod whose spec is a list', pod([SPEC])],
    ['a Deployment without template', { apiVersion: 'apps/v1', kind: 'Deployment', spec: {} }],
    [
      'a Deployment with a list as template',
      { apiVersion: 'apps/v1', kind: 'Deployment', spec: { template: [] } },
    ],
    ['a Deployment with a text as spec', { apiVersion: 'apps/v1', kind: 'Deployment', spec: 'template' }],
    [
      'a CronJob with null on the way',
      { apiVersion: 'batch/v1', kind: 'CronJob', spec: { jobTemplate: null } },
    ],
    ['a kind that every object has by nature', { apiVersion: 'v1', kind: 'constructor', spec: SPEC }],
    ['null', null],
    ['nothing', undefined],
    ['a list', [pod(SPEC)]],
    ['a text', 'Pod'],
  ])('finds none in %s', (_what, object) => {
    expect(findPodSpec(object)).toBeUndefined();
  });

  it('never throws, whatever JSON stands where', () => {
    const path = fc.constantFrom('Pod', 'PodTemplate', 'Deployment', 'CronJob');
    fc.assert(
      fc.property(path, fc.jsonValue(), (kind, value) => {
        const apiVersion = kind === 'CronJob' ? 'batch/v1' : kind === 'Deployment' ? 'apps/v1' : 'v1';
        const found = findPodSpec({ apiVersion, kind, spec: value, template: value });
        expect(found === undefined || typeof found.spec === 'object').toBe(true);
      }),
    );
  });

  it('finds one in every recorded object that runs containers', () => {
    const kinds = RECORDED.map((name) => recorded(name).request['object'])
      .filter((object) => findPodSpec(object) !== undefined)
      .map(groupKindOf);
    expect(new Set(kinds)).toEqual(new Set(['CronJob.batch', 'Deployment.apps', 'Job.batch', 'Pod']));
  });
});

describe('podMetadataOf', () => {
  const metadata = { labels: { app: 'x' } };

  it.each([
    ['its own for a Pod', pod(SPEC, metadata), { name: 'w', namespace: 'lab', ...metadata }],
    [
      'that of the template for a Deployment',
      { apiVersion: 'apps/v1', kind: 'Deployment', spec: { template: { metadata, spec: SPEC } } },
      metadata,
    ],
    [
      'that of the innermost template for a CronJob',
      {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        spec: { jobTemplate: { metadata: {}, spec: { template: { metadata, spec: SPEC } } } },
      },
      metadata,
    ],
    ['none where the template has none', templated('apps/v1', 'Deployment', SPEC), undefined],
    ['none where it is no object', { ...pod(SPEC), metadata: 'metadata' }, undefined],
    ['none for null', null, undefined],
  ])('finds %s', (_what, object, expected) => {
    expect(podMetadataOf(object)).toEqual(expected);
  });
});

describe('the kinds that are handled', () => {
  it.each([
    ['ReplicaSet.apps', true],
    ['CronJob.batch', true],
    ['Pod', true],
    ['Deployment', false],
    ['Rollout.example.com', false],
  ])('%s: %s', (groupKind, expected) => {
    expect(BUILT_IN_KINDS.has(groupKind)).toBe(expected);
  });
});

describe('a kind of somebody else', () => {
  const kinds = new Map([
    ...BUILT_IN_KINDS,
    ['Rollout.example.com', { podSpec: ['spec', 'pods', '0'] }] as const,
  ]);

  it('has its pod spec where its configuration says', () => {
    const object = { apiVersion: 'example.com/v1', kind: 'Rollout', spec: { pods: [SPEC] } };
    expect(findPodSpec(object, kinds)).toEqual({ path: ['spec', 'pods', '0'], spec: SPEC });
    expect(findPodSpec(object)).toBeUndefined();
  });

  it('has none where a single text is the image', () => {
    const texts = new Map([['Database.example.com', { image: ['spec'] }] as const]);
    const object = { apiVersion: 'example.com/v1', kind: 'Database', spec: { containers: [] } };
    expect(findPodSpec(object, texts)).toBeUndefined();
  });
});
