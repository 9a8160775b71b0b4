import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import type { Tenant } from './tenant.ts';

/** One copy that is wanted: this source under that name. */
export interface CopyTask {
  readonly source: Reference;
  readonly backup: Reference;
  /** Another source may be given the same name: only a copy that is known to be of this one will do. */
  readonly shared?: boolean;
  /** Ask the source what it has now, however recently the copy was confirmed. */
  readonly newest?: boolean;
  /** Who asks, where sources are read that are not for everybody. Default: only those that are. */
  readonly tenant?: Tenant;
}

/** A copy that is there. */
export interface Found {
  readonly digest: Digest;
  /** Where it is, if not under the name that was asked for: the tenant's own. */
  readonly ownBackup?: Reference;
}

/** It was in the backup registry already. */
export interface Present extends Found {
  readonly state: 'present';
  /** What its source has by now, where that is another image and is not to be copied. */
  readonly moved?: Digest;
}

/** What becomes of a copy whose tag has another image at the source by now. */
export type WhenMoved =
  /** The new image takes over the tag; the earlier one keeps a tag of its own. */
  | 'refresh'
  /** It stays, and its source is not asked any more. */
  | 'keep'
  /** It stays, and that is told. */
  | 'warn';

/** What became of a wanted copy (design, "Outcomes"; `skipped` is said by the plan before a copy is wanted). */
export type Outcome =
  | Present
  /**
   * The digest is that of the copy. A daemon that makes images anew gives another one than the source has: then a source
   * with a digest must not be pointed at it. Of what was copied a moment ago `present` says the same.
   */
  | (Found & { readonly state: 'copied'; readonly bytes: number })
  /** The caller's time ran out; the copy goes on without it. */
  | { readonly state: 'pending' }
  | { readonly state: 'failed'; readonly error: Error };

/** The copy is there. */
export type Kept = Extract<Outcome, { readonly digest: Digest }>;

/** What the webhook and the controller ask of the copy room. */
export interface Copies {
  /** Makes sure that the copy exists. Never rejects; when `signal` aborts first the outcome is `pending`. */
  ensure(task: CopyTask, signal: AbortSignal): Promise<Outcome>;
  /**
   * Asks the backup registry alone, starts nothing: for dry runs. Never rejects; a fault counts as absent.
   * @returns the copy, if it is there
   */
  find(task: CopyTask, signal: AbortSignal): Promise<Found | undefined>;
}
