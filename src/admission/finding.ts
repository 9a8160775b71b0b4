import type { Outcome } from '../copy/outcome.ts';

/** What is known of a wanted copy. A dry run only looks: the copy is `there` or `absent`, and stays so. */
export type Finding = Outcome | { readonly state: 'there' } | { readonly state: 'absent' };
