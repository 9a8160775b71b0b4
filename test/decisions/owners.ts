import { containers, deployment, pod, templated } from '../workloads.ts';
import { BACKUP, owned, ROLLOUT } from './objects.ts';
import type { Row } from './row.ts';

/** Whose objects they are in. */
export const OWNED: readonly Row[] = [
  {
    trap: 'a ReplicaSet of a Deployment',
    object: templated('apps/v1', 'ReplicaSet', containers('a:1'), owned('apps/v1', 'Deployment')),
    expected: 'controlled',
  },
  {
    trap: 'a Job of a CronJob',
    object: templated('batch/v1', 'Job', containers('a:1'), owned('batch/v1', 'CronJob')),
    expected: 'controlled',
  },
  {
    trap: 'a ReplicaSet of a custom resource that is handled',
    object: templated('apps/v1', 'ReplicaSet', containers('a:1'), owned('example.com/v1', 'Rollout')),
    kinds: ROLLOUT,
    expected: 'controlled',
  },
  {
    trap: 'a Deployment of an operator that is not handled',
    object: deployment(containers('a:1'), owned('example.com/v1', 'Database')),
    expected: ['a:1 copy'],
  },
  {
    trap: 'a Pod of a ReplicaSet',
    object: pod(containers('a:1'), owned('apps/v1', 'ReplicaSet')),
    expected: ['a:1 rewrite'],
  },
  {
    trap: 'a Pod of a StatefulSet with a container that another webhook put in',
    object: pod(containers(`${BACKUP}/a:1`, 'proxy:1'), owned('apps/v1', 'StatefulSet')),
    expected: [`${BACKUP}/a:1 already-backup`, 'proxy:1 rewrite'],
  },
  {
    trap: 'a Pod of an operator that is not handled',
    object: pod(containers('a:1'), owned('example.com/v1', 'Database')),
    expected: ['a:1 copy'],
  },
  {
    trap: 'a mirror pod',
    object: pod(containers('a:1'), {
      annotations: { 'kubernetes.io/config.mirror': 'x' },
      ...owned('v1', 'Node'),
    }),
    expected: 'mirror-pod',
  },
  {
    trap: 'a workload that opted out',
    object: deployment(containers('a:1'), { labels: { 'image-cloner': 'disabled' } }),
    expected: 'opted-out',
  },
  {
    trap: 'a workload whose pods opted out',
    object: {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: {},
      spec: {
        template: { metadata: { labels: { 'image-cloner': 'disabled' } }, spec: containers('a:1') },
      },
    },
    expected: 'opted-out',
  },
];
