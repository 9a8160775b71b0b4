import { containers, deployment, pod } from '../workloads.ts';
import { BACKUP } from './objects.ts';
import type { Row } from './row.ts';

/** What is written as an image. */
export const IMAGES: readonly Row[] = [
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
