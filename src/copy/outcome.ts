import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';

/** One copy that is wanted: this source under that name. */
export interface CopyTask {
  readonly source: Reference;
  readonly backup: Reference;
}

/** What became of a wanted copy (design, "Outcomes"; `skipped` is said by the plan before a copy is wanted). */
export type Outcome =
  /** It was in the backup registry already. */
  | { readonly state: 'present'; readonly digest: Digest }
  | { readonly state: 'copied'; readonly digest: Digest; readonly bytes: number }
  /** The caller's time ran out; the copy goes on without it. */
  | { readonly state: 'pending' }
  | { readonly state: 'failed'; readonly error: Error };

/** What the webhook and the controller ask of the copy room. */
export interface Copies {
  /** Makes sure that the copy exists. Never rejects; when `signal` aborts first the outcome is `pending`. */
  ensure(task: CopyTask, signal: AbortSignal): Promise<Outcome>;
  /**
   * Asks the backup registry alone, starts nothing: for dry runs. Never rejects; a fault counts as absent.
   * @returns the digest of the copy, if it is there
   */
  find(task: CopyTask, signal: AbortSignal): Promise<Digest | undefined>;
}
