import { containers, pod } from '../workloads.ts';
import type { Row } from './row.ts';

/** What is wanted of the API server beside. */
export const OTHER: readonly Row[] = [
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
