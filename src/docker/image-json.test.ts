import { describe, expect, test } from 'vitest';
import { OCI_MANIFEST } from '../image/media-type.ts';
import { parseReference } from '../image/reference.ts';
import { digestIn, readImage } from './image-json.ts';

const ID = `sha256:${'1'.repeat(64)}`;
const DIGEST = `sha256:${'2'.repeat(64)}`;
const descriptor = { mediaType: OCI_MANIFEST, digest: DIGEST, size: 557 };
const amd64 = { os: 'linux', architecture: 'amd64' };

describe('an image', () => {
  test('is read with its names, its platform and its manifests', () => {
    const image = readImage({
      Id: ID,
      RepoTags: ['alpine:3.12', 'registry.test:5000/a/b:1'],
      RepoDigests: [`alpine@${DIGEST}`],
      Os: 'linux',
      Architecture: 'arm64',
      Variant: 'v8',
      Manifests: [
        { Descriptor: { ...descriptor, platform: amd64 }, Available: true, Kind: 'image' },
        { Descriptor: descriptor, Available: false, Kind: 'attestation' },
      ],
    });
    expect(image).toEqual({
      id: ID,
      tags: [parseReference('docker.io/library/alpine:3.12'), parseReference('registry.test:5000/a/b:1')],
      digests: [parseReference(`docker.io/library/alpine@${DIGEST}`)],
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
      manifests: [
        { digest: DIGEST, available: true, kind: 'image', platform: amd64 },
        { digest: DIGEST, available: false, kind: 'attestation' },
      ],
    });
  });

  test.each<[string, Record<string, unknown>, object]>([
    ['no names', { RepoTags: null, RepoDigests: null }, { tags: [], digests: [] }],
    ['none of them', {}, { tags: [], digests: [] }],
    [
      'names without a meaning',
      { RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'] },
      { tags: [] },
    ],
    ['names of other types', { RepoTags: [7, null, {}], RepoDigests: 'a:1' }, { tags: [], digests: [] }],
    ['an empty variant', { Os: 'linux', Architecture: 'amd64', Variant: '' }, { platform: amd64 }],
    ['no manifests', { Manifests: [] }, { manifests: [] }],
    ['manifests that are none', { Manifests: [7, null, {}, { Descriptor: {} }] }, { manifests: [] }],
    [
      'manifests without a digest',
      { Manifests: [{ Descriptor: { ...descriptor, digest: 'x' } }] },
      { manifests: [] },
    ],
    [
      'manifests that say little',
      { Manifests: [{ Descriptor: descriptor }] },
      { manifests: [{ digest: DIGEST, available: false, kind: 'unknown' }] },
    ],
    [
      'manifests that are there in words',
      { Manifests: [{ Descriptor: descriptor, Available: 'true' }] },
      { manifests: [{ available: false }] },
    ],
  ])('may have %s', (_what, fields, read) => {
    expect(readImage({ Id: ID, ...fields })).toMatchObject(read);
  });

  test('has no platform and no manifests where none are told', () => {
    const image = readImage({ Id: ID, Os: 'linux', Manifests: null });
    expect(image).not.toHaveProperty('platform');
    expect(image).not.toHaveProperty('manifests');
  });

  test.each([
    undefined,
    null,
    'x',
    [],
    {},
    { Id: 7 },
    { Id: '' },
    { Id: 'sha256:../../etc' },
    { Id: '1'.repeat(64) },
  ])('is not %j', (value) => {
    expect(readImage(value)).toBeUndefined();
  });

  test('has the digest of a repository where that gave it just one', () => {
    const RepoDigests = [`a.test/x@${DIGEST}`, `b.test/x@${DIGEST}`, `b.test/x@${ID}`];
    const image = readImage({ Id: ID, RepoDigests });
    if (image === undefined) throw new Error('Cannot go on: wanted an image');
    expect(digestIn(image, 'a.test/x')).toBe(DIGEST);
    expect(digestIn(image, 'b.test/x')).toBeUndefined();
    expect(digestIn(image, 'c.test/x')).toBeUndefined();
  });
});
