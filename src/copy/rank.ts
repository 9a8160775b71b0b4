import type { Digest } from '../image/digest.ts';
import type { Held } from './origin.ts';

/**
 * How well a copy of what is held would stand in for the source, best first:
 * - `same` all of it, with the source's own digest · `part` one platform of it, with the digest that this has
 * - `anew` made by a daemon, with a digest that nobody knows before it is pushed
 */
export const RANKS = ['same', 'part', 'anew'] as const;

export type Rank = (typeof RANKS)[number];

/** @returns undefined where a copy would be no copy of the source: one with a digest is that content and no other */
export function rankOf(held: Held, wanted: Digest | undefined): Rank | undefined {
  if (!held.faithful) return 'anew';
  if (wanted !== undefined && held.digest !== wanted) return undefined;
  // What has just the digest that was asked for is whole, though it be a part of something else.
  return held.partial === undefined || wanted !== undefined ? 'same' : 'part';
}
