import { describe, expect, test } from 'vitest';
import { type Digest, digestOf } from '../image/digest.ts';
import type { Held } from './origin.ts';
import { type Rank, rankOf } from './rank.ts';

const [whole, child, other] = [
  digestOf(Buffer.from('whole')),
  digestOf(Buffer.from('child')),
  digestOf(Buffer.from('other')),
];
async function push(): Promise<void> {}

describe('what is held', () => {
  test.each<[string, Held, Digest | undefined, Rank | undefined]>([
    ['whole, for a tag', { faithful: true, digest: whole, push }, undefined, 'same'],
    ['whole, for its digest', { faithful: true, digest: whole, push }, whole, 'same'],
    ['whole, for another digest', { faithful: true, digest: whole, push }, other, undefined],
    ['whole by an unknown digest, for a tag', { faithful: true, push }, undefined, 'same'],
    ['whole by an unknown digest, for a digest', { faithful: true, push }, whole, undefined],
    [
      'one platform, for a tag',
      { faithful: true, digest: child, partial: { index: whole }, push },
      undefined,
      'part',
    ],
    [
      'one platform, for the digest of the index',
      { faithful: true, digest: child, partial: { index: whole }, push },
      whole,
      undefined,
    ],
    [
      'one platform, for its own digest',
      { faithful: true, digest: child, partial: { index: whole }, push },
      child,
      'same',
    ],
    ['made anew, for a tag', { faithful: false, push }, undefined, 'anew'],
    [
      'made anew, for a digest: only the push shows it',
      { faithful: false, digest: other, push },
      whole,
      'anew',
    ],
  ])('%s', (_what, held, wanted, rank) => {
    expect(rankOf(held, wanted)).toBe(rank);
  });
});
