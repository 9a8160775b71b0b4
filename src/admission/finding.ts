import type { Outcome } from '../copy/outcome.ts';
import type { Digest } from '../image/digest.ts';

/** What is known of a wanted copy. Who only looks, as a dry run does, finds it `there` or `absent`. */
export type Finding =
  | Outcome
  | { readonly state: 'there'; readonly digest: Digest }
  | { readonly state: 'absent' };
