import { containers, cronJob, deployment, pod, templated } from '../workloads.ts';
import { custom, JOB, ROLLOUT } from './objects.ts';
import type { Row } from './row.ts';

/** Where images are. */
export const WHERE: readonly Row[] = [
  { trap: 'a Pod', object: pod(containers('a:1')), expected: ['a:1 copy'] },
  { trap: 'a Deployment', object: deployment(containers('a:1')), expected: ['a:1 copy'] },
  {
    trap: 'a bare ReplicaSet',
    object: templated('apps/v1', 'ReplicaSet', containers('a:1')),
    expected: ['a:1 copy'],
  },
  {
    trap: 'a StatefulSet',
    object: templated('apps/v1', 'StatefulSet', containers('a:1')),
    expected: ['a:1 copy'],
  },
  {
    trap: 'a DaemonSet',
    object: templated('apps/v1', 'DaemonSet', containers('a:1')),
    expected: ['a:1 copy'],
  },
  { trap: 'a Job', object: JOB, expected: ['a:1 copy'] },
  { trap: 'a CronJob', object: cronJob(containers('a:1')), expected: ['a:1 copy'] },
  {
    trap: 'a ReplicationController',
    object: templated('v1', 'ReplicationController', containers('a:1')),
    expected: ['a:1 copy'],
  },
  {
    trap: 'a PodTemplate',
    object: { apiVersion: 'v1', kind: 'PodTemplate', metadata: {}, template: { spec: containers('a:1') } },
    expected: ['a:1 copy'],
  },
  {
    trap: 'a sidecar, an init container and an image volume',
    object: pod({
      ...containers('a:1'),
      initContainers: [{ name: 's', image: 's:1', restartPolicy: 'Always' }],
      volumes: [{ name: 'v', image: { reference: 'v:1' } }],
    }),
    expected: ['a:1 copy', 's:1 copy', 'v:1 copy'],
  },
  {
    trap: 'a custom resource that nobody configured',
    object: custom('Rollout', { template: { spec: containers('a:1') } }),
    expected: [],
  },
  {
    trap: 'a custom resource with a pod spec',
    object: custom('Rollout', { template: { spec: containers('a:1') } }),
    kinds: ROLLOUT,
    expected: ['a:1 copy'],
  },
  {
    trap: 'a custom resource with a single image',
    object: custom('Cluster', { imageName: 'a:1' }),
    kinds: { 'Cluster.example.com': { image: ['spec', 'imageName'] } },
    expected: ['a:1 copy'],
  },
  {
    trap: 'a custom resource without its image',
    object: custom('Cluster', {}),
    kinds: { 'Cluster.example.com': { image: ['spec', 'imageName'] } },
    expected: [],
  },
  {
    trap: 'a kind of another project with a name of Kubernetes',
    object: templated('batch.example.com/v1', 'Job', containers('a:1')),
    expected: [],
  },
];
