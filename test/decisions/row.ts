import type { RuleText } from '../../src/plan/rule.ts';
import type { Place } from '../../src/workload/kinds.ts';

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
