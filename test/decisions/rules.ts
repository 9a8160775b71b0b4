import { containers, deployment, pod } from '../workloads.ts';
import { BACKUP, labelled, owned } from './objects.ts';
import type { Row } from './row.ts';

/** What operators say. */
export const RULED: readonly Row[] = [
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
