import { describe, expect, test } from 'vitest';
import type { Digest } from '../image/digest.ts';
import { parsePlatform } from '../image/platform.ts';
import { type Portion, wholePortion } from './completeness.ts';
import type { HeldManifest } from './image-json.ts';

const INDEX: Digest = `sha256:${'0'.repeat(64)}`;
const [first, second, third] = [digestOf(1), digestOf(2), digestOf(3)];

function digestOf(digit: number): Digest {
  return `sha256:${String(digit).repeat(64)}`;
}

function manifest(digest: Digest, available: boolean, platform?: string, kind = 'image'): HeldManifest {
  return { digest, available, kind, ...(platform !== undefined && { platform: parsePlatform(platform) }) };
}

function part(digest: Digest, platform?: string): Portion {
  return { digest, partial: { index: INDEX, ...(platform !== undefined && { platform }) } };
}

function portion(manifests: readonly HeldManifest[], runs?: string): Portion | undefined {
  const platform = runs === undefined ? {} : { platform: parsePlatform(runs) };
  return wholePortion({ id: INDEX, tags: [], digests: [], ...platform }, manifests);
}

describe('what can be handed on', () => {
  test.each<[string, readonly HeldManifest[], Portion | undefined]>([
    ['a single image', [manifest(INDEX, true)], { digest: INDEX }],
    ['a single image that is not there', [manifest(INDEX, false)], undefined],
    ['nothing', [], undefined],
    [
      'an index of which all is there',
      [manifest(first, true, 'linux/amd64'), manifest(second, true, 'linux/arm64')],
      { digest: INDEX },
    ],
    [
      'an index with its attestation',
      [manifest(first, true, 'linux/amd64'), manifest(second, true, 'unknown/unknown', 'attestation')],
      { digest: INDEX },
    ],
    [
      'an index without its attestation',
      [manifest(first, true, 'linux/amd64'), manifest(second, false, undefined, 'attestation')],
      part(first, 'linux/amd64'),
    ],
    [
      'an index with one platform',
      [manifest(first, false, 'linux/amd64'), manifest(second, true, 'linux/arm64')],
      part(second, 'linux/arm64'),
    ],
    [
      'an index of which only the attestation is there',
      [manifest(first, false, 'linux/amd64'), manifest(second, true, 'unknown/unknown', 'attestation')],
      undefined,
    ],
    [
      'an index with an image of no platform',
      [manifest(first, true), manifest(second, false, 'linux/arm64')],
      part(first),
    ],
  ])('of %s', (_what, manifests, wanted) => {
    expect(portion(manifests)).toEqual(wanted);
  });

  test.each([
    ['linux/arm64', second],
    ['linux/arm/v7', third],
    // None of them is this one.
    ['linux/s390x', first],
    [undefined, first],
  ])('of several platforms, where the daemon runs %s', (runs, wanted) => {
    const manifests = [
      manifest(first, true, 'linux/amd64'),
      manifest(second, true, 'linux/arm64/v8'),
      manifest(third, true, 'linux/arm/v7'),
      manifest(INDEX, false, 'linux/riscv64'),
    ];
    expect(portion(manifests, runs)?.digest).toBe(wanted);
  });
});
