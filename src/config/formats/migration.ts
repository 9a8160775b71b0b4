import type { Tree } from '../tree.ts';

/** What another tool's configuration comes to here. */
export interface Migration {
  /** Keys of ours; those that would have their default are left out. */
  readonly settings: Tree;
  /** What a person has to know or do, one sentence each. No secret is ever in it. */
  readonly notes: readonly string[];
}
