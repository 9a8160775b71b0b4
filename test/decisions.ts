import type { RuleText } from '../src/plan/rule.ts';
import type { Place } from '../src/workload/kinds.ts';
import { containers, cronJob, deployment, pod, templated } from './workloads.ts';

type Json = Record<string, unknown>;

/** One trap: what is wanted of the API server, and what is to become of each image. */
export interface Row {
  readonly trap: string;
  readonly operation?: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly subResource?: string;
  readonly namespace?: string;
  readonly object: unknown;
  readonly oldObject?: unknown;
  readonly rules?: readonly RuleText[];
  readonly kinds?: Readonly<Record<string, Place>>;
  readonly enabled?: boolean;
  /** Why none is looked at, or for each image that is: `image action`. */
  readonly expected: string | readonly string[];
}

const BACKUP = 'registry.example.com/backup/docker.io/library';

function owned(apiVersion: string, kind: string): Json {
  return { ownerReferences: [{ apiVersion, kind, name: 'o', uid: 'u', controller: true }] };
}

function labelled(object: Json): Json {
  return { ...object, metadata: { name: 'w', namespace: 'lab', labels: { new: 'label' } } };
}

function debugged(images: readonly string[], metadata: Json = {}): Json {
  const ephemeralContainers = images.map((image, index) => ({ name: `d${index}`, image }));
  return pod({ ...containers('a:1'), ephemeralContainers }, metadata);
}

function custom(kind: string, spec: unknown): Json {
  return { apiVersion: 'example.com/v1', kind, metadata: { name: 'w', namespace: 'lab' }, spec };
}

const JOB = templated('batch/v1', 'Job', containers('a:1'));
const ROLLOUT: Readonly<Record<string, Place>> = {
  'Rollout.example.com': { podSpec: ['spec', 'template', 'spec'] },
};

const WHERE: readonly Row[] = [
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

const OWNED: readonly Row[] = [
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

const UPDATED: readonly Row[] = (
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

const OTHER: readonly Row[] = [
  {
    trap: 'a deletion',
    operation: 'DELETE',
    object: null,
    oldObject: pod(containers('a:1')),
    expected: 'operation',
  },
  {
    trap: 'a command in a Pod',
    operation: 'CONNECT',
    subResource: 'exec',
    object: { apiVersion: 'v1', kind: 'PodExecOptions' },
    expected: 'operation',
  },
  {
    trap: 'everything switched off',
    enabled: false,
    object: pod(containers('a:1')),
    expected: 'switched-off',
  },
];

const IMAGES: readonly Row[] = [
  { trap: 'an image that is not there yet', object: pod(containers('')), expected: [' empty'] },
  { trap: 'a placeholder', object: deployment(containers('auto')), expected: ['auto placeholder'] },
  { trap: 'no reference', object: pod(containers('Not An Image')), expected: ['Not An Image unparsable'] },
  {
    trap: 'an image that is never pulled',
    object: pod({ containers: [{ name: 'c', image: 'a:1', imagePullPolicy: 'Never' }] }),
    expected: ['a:1 never-pulled'],
  },
  {
    trap: 'a copy',
    object: pod(containers(`${BACKUP}/a:1`)),
    expected: [`${BACKUP}/a:1 already-backup`],
  },
  {
    trap: 'a neighbour of the copies, whose name only begins like theirs',
    object: pod(containers('registry.example.com/backups/a:1')),
    expected: ['registry.example.com/backups/a:1 copy'],
  },
];

const RULED: readonly Row[] = [
  {
    trap: 'a rule for another namespace',
    namespace: 'lab',
    rules: [{ match: { namespaces: ['shop'] }, action: 'deny' }],
    object: deployment(containers('a:1')),
    expected: ['a:1 copy'],
  },
  {
    trap: 'a rule for the namespace of a template, which carries none',
    namespace: 'shop',
    rules: [{ match: { namespaces: ['shop'] }, action: 'skip' }],
    object: {
      ...deployment(containers('a:1')),
      metadata: { name: 'w' },
    },
    expected: ['a:1 rule'],
  },
  {
    trap: 'an image that is denied beside one that is not',
    rules: [{ match: { images: ['docker.io/library/b'] }, action: 'deny', message: 'use a' }],
    object: deployment(containers('a:1', 'b:1')),
    expected: ['a:1 copy', 'b:1 deny'],
  },
  {
    trap: 'an image that a proxy holds',
    rules: [{ match: { images: ['docker.io/**'] }, action: 'rewrite-only' }],
    object: deployment(containers('a:1')),
    expected: ['a:1 rewrite'],
  },
  {
    trap: 'a warning only',
    rules: [{ action: 'warn' }],
    object: deployment(containers('a:1')),
    expected: ['a:1 warn'],
  },
  {
    trap: 'a copy that a rule would deny',
    rules: [{ action: 'deny' }],
    object: deployment(containers(`${BACKUP}/a:1`)),
    expected: [`${BACKUP}/a:1 already-backup`],
  },
  {
    trap: 'a Pod of a Deployment, where Deployments are skipped',
    rules: [{ match: { kinds: ['Deployment'] }, action: 'skip' }],
    object: pod(containers('a:1'), owned('apps/v1', 'ReplicaSet')),
    expected: ['a:1 rule'],
  },
  {
    trap: 'an old workload that a new rule would deny gets a label',
    operation: 'UPDATE',
    rules: [{ action: 'deny' }],
    object: labelled(deployment(containers('a:1'))),
    oldObject: deployment(containers('a:1')),
    expected: [],
  },
];

/** One row for each trap. */
export const DECISIONS: readonly Row[] = [...WHERE, ...OWNED, ...UPDATED, ...OTHER, ...IMAGES, ...RULED];
