import type { Reference } from '../image/reference.ts';
import type { ImageUse } from '../workload/images.ts';

/**
 * Why an image is left alone.
 * - `empty`: nothing written (yet)
 * - `placeholder`: another webhook will write the image
 * - `never-pulled`: `imagePullPolicy: Never`, the node has it or the pod does not start
 * - `unparsable`: not a reference; the kubelet will say so
 * - `already-backup`: it lives under the prefix
 */
export type SkipReason = 'empty' | 'placeholder' | 'never-pulled' | 'unparsable' | 'already-backup';

export interface CopyDecision {
  readonly action: 'copy';
  readonly use: ImageUse;
  readonly source: Reference;
  readonly backup: Reference;
}

export interface SkipDecision {
  readonly action: 'skip';
  readonly use: ImageUse;
  readonly reason: SkipReason;
}

/** What is to become of one image of a workload. */
export type Decision = CopyDecision | SkipDecision;
