import type { Reference } from '../image/reference.ts';
import type { ImageUse } from '../workload/images.ts';

/**
 * Why an image is left alone.
 * - `empty`: nothing written (yet)
 * - `placeholder`: another webhook will write the image
 * - `never-pulled`: `imagePullPolicy: Never`, the node has it or the pod does not start
 * - `unparsable`: not a reference; the kubelet will say so
 * - `already-backup`: it lives under the prefix
 * - `not-mapped`: the map of the operator does not lead it anywhere
 * - `rule`: a rule of the operator says so
 * - `source-not-allowed`: the operator lets nothing be copied from its registry
 */
export type SkipReason =
  | 'empty'
  | 'placeholder'
  | 'never-pulled'
  | 'unparsable'
  | 'already-backup'
  | 'not-mapped'
  | 'rule'
  | 'source-not-allowed';

/** The rule that holds where none of the operator's matches: copy. */
export const DEFAULT_RULE = 'default';

/** The rule that holds whatever the operator's say: what one namespace made for itself no other one uses. */
export const OWNED_RULE = 'owned by another namespace';

interface Common {
  readonly use: ImageUse;
  /** Name of the rule that decided. */
  readonly rule: string;
}

interface Named extends Common {
  readonly source: Reference;
  /** The copy for everybody. */
  readonly backup: Reference;
  /** Other sources may be given that name: a copy of ours has to be known to be of this one. */
  readonly shared?: true;
  /** The copy for this namespace alone, where its credentials are needed to read the source. */
  readonly ownBackup?: Reference;
}

/** Make sure that the copy exists, and use it. */
export interface CopyDecision extends Named {
  readonly action: 'copy';
  /** Nodes ask for the image anew each time: what its tag stood for a moment ago is not enough. */
  readonly newest: boolean;
}

/** Use what is under the copy's name; copy nothing. */
export interface RewriteDecision extends Named {
  readonly action: 'rewrite';
  /** Only if it is there. */
  readonly check: boolean;
  /** Nobody waits who could read a warning: it is a controller that asks. */
  readonly quiet: boolean;
}

/** Refuse the workload. */
export interface DenyDecision extends Common {
  readonly action: 'deny';
  readonly source: Reference;
  readonly message?: string;
}

/** Change nothing, but say what would be done. */
export interface WarnDecision extends Named {
  readonly action: 'warn';
  readonly message?: string;
}

/** Change nothing. */
export interface SkipDecision {
  readonly action: 'skip';
  readonly use: ImageUse;
  readonly reason: SkipReason;
  /** With the reason `rule` alone. */
  readonly rule?: string;
}

/** What is to become of one image of a workload. */
export type Decision = CopyDecision | RewriteDecision | DenyDecision | WarnDecision | SkipDecision;
