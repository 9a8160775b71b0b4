import type { Kinds } from '../workload/kinds.ts';
import type { Naming } from './naming.ts';
import type { Rule } from './rule.ts';
import type { SourceHosts } from './source-hosts.ts';

/** Everything that decides what becomes of an image, beside the request itself. */
export interface Judgement {
  /** False leaves everything as it is, and running. */
  readonly enabled: boolean;
  readonly naming: Naming;
  readonly kinds: Kinds;
  /** Where images may be copied from, whatever the rules say. */
  readonly sources: SourceHosts;
  /** The first that matches decides. */
  readonly rules: readonly Rule[];
}
