import type { Found, Outcome } from '../copy/outcome.ts';

/** What is known of a wanted copy. Who only looks, as a dry run does, finds it `there` or `absent`. */
export type Finding = Outcome | (Found & { readonly state: 'there' }) | { readonly state: 'absent' };
