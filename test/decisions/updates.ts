import { containers, cronJob, deployment, pod, templated } from '../workloads.ts';
import { BACKUP, custom, debugged, JOB, labelled, owned } from './objects.ts';
import type { Row } from './row.ts';

/** What an update changes. */
export const UPDATED: readonly Row[] = (
  [
    {
      trap: 'an old Deployment gets a label',
      object: labelled(deployment(containers('a:1'))),
      oldObject: deployment(containers('a:1')),
      expected: [],
    },
    {
      trap: 'an old Pod gets a label',
      object: labelled(pod(containers('a:1'))),
      oldObject: pod(containers('a:1')),
      expected: [],
    },
    { trap: 'an old Job gets a label', object: labelled(JOB), oldObject: JOB, expected: [] },
    {
      trap: 'a Job gets another image, which the API server refuses',
      object: templated('batch/v1', 'Job', containers('a:2')),
      oldObject: JOB,
      expected: [],
    },
    {
      trap: 'a CronJob gets another image',
      object: cronJob(containers('a:2')),
      oldObject: cronJob(containers('a:1')),
      expected: ['a:2 copy'],
    },
    {
      trap: 'one of two images changes',
      object: deployment(containers('a:1', 'b:2')),
      oldObject: deployment(containers('a:1', 'b:1')),
      expected: ['b:2 copy'],
    },
    {
      trap: 'the same manifest is applied again over the copy',
      object: deployment(containers('a:1')),
      oldObject: deployment(containers(`${BACKUP}/a:1`)),
      expected: ['a:1 copy'],
    },
    {
      trap: 'containers are put into another order',
      object: deployment({ containers: containers('a:1', 'b:1')['containers'] }),
      oldObject: deployment({
        containers: [
          { name: 'c1', image: 'b:1' },
          { name: 'c0', image: 'a:1' },
        ],
      }),
      expected: [],
    },
    {
      trap: 'the image of a custom resource changes',
      object: custom('Cluster', { imageName: 'a:2' }),
      oldObject: custom('Cluster', { imageName: 'a:1' }),
      kinds: { 'Cluster.example.com': { image: ['spec', 'imageName'] } },
      expected: ['a:2 copy'],
    },
    {
      trap: 'an old custom resource gets a label',
      object: labelled(custom('Cluster', { imageName: 'a:1' })),
      oldObject: custom('Cluster', { imageName: 'a:1' }),
      kinds: { 'Cluster.example.com': { image: ['spec', 'imageName'] } },
      expected: [],
    },
    {
      trap: 'a finalizer is taken from what goes away',
      object: pod(containers('a:1'), { deletionTimestamp: 'now' }),
      oldObject: pod(containers('a:1'), { deletionTimestamp: 'now', finalizers: ['x'] }),
      expected: [],
    },
    {
      trap: 'nobody knows what was there before',
      object: deployment(containers('a:1')),
      oldObject: null,
      expected: [],
    },
    {
      trap: 'a Deployment is scaled',
      object: { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 3 } },
      oldObject: { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 1 } },
      subResource: 'scale',
      expected: 'subresource',
    },
    {
      trap: 'the status of a Pod changes',
      object: pod(containers('a:1')),
      oldObject: pod(containers('a:1')),
      subResource: 'status',
      expected: 'subresource',
    },
    {
      trap: 'the first container for debugging',
      object: debugged(['d:1']),
      oldObject: debugged([]),
      subResource: 'ephemeralcontainers',
      expected: ['d:1 copy'],
    },
    {
      trap: 'the second container for debugging',
      object: debugged(['d:1', 'd:2']),
      oldObject: debugged(['d:1']),
      subResource: 'ephemeralcontainers',
      expected: ['d:2 copy'],
    },
    {
      trap: 'a container for debugging a Pod of a controller',
      object: debugged(['d:1'], owned('apps/v1', 'ReplicaSet')),
      oldObject: debugged([], owned('apps/v1', 'ReplicaSet')),
      subResource: 'ephemeralcontainers',
      expected: ['d:1 copy'],
    },
    {
      trap: 'a Pod of a controller gets another image',
      object: pod(containers('a:2'), owned('apps/v1', 'ReplicaSet')),
      oldObject: pod(containers('a:1'), owned('apps/v1', 'ReplicaSet')),
      expected: ['a:2 rewrite'],
    },
  ] satisfies readonly Row[]
).map((row) => ({ ...row, operation: 'UPDATE' }));
