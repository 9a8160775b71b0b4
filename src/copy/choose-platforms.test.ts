import { describe, expect, test } from 'vitest';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import { digestOf } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { OCI_INDEX } from '../image/media-type.ts';
import { parsePlatform } from '../image/platform.ts';
import { choosePlatforms } from './choose-platforms.ts';
import type { ManifestContent, Source } from './target.ts';

const amd = await makeImage({ platform: { os: 'linux', architecture: 'amd64' } });
const arm6 = await makeImage({ platform: { os: 'linux', architecture: 'arm', variant: 'v6' } });
const arm7 = await makeImage({ platform: { os: 'linux', architecture: 'arm', variant: 'v7' } });
const windows = await makeImage({ platform: { os: 'windows', architecture: 'amd64' } });
const attestation = attesting(amd);
const index = indexOf(amd, arm6, arm7, windows, attestation);

/** As BuildKit lists it: of an unknown platform, tied to its image by an annotation. */
function attesting({ content }: MadeImage): ManifestContent {
  const descriptor = {
    ...content.descriptor,
    digest: digestOf(Buffer.from('attestation')),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.digest': content.descriptor.digest },
  };
  return { descriptor, bytes: Buffer.alloc(0) };
}

function indexOf(...children: readonly (MadeImage | ManifestContent)[]): ManifestContent {
  const manifests = children.map((child) => ('content' in child ? child.content : child).descriptor);
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests,
      annotations: { kept: 'yes' },
      extra: [1],
    }),
  );
  return { descriptor: { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length }, bytes };
}

const { signal } = new AbortController();

function choose(content: ManifestContent, ...platforms: readonly string[]): Promise<ManifestContent> {
  const known = [amd, arm6, arm7, windows];
  const source: Pick<Source, 'fetchReference'> = {
    fetchReference: async (digest) => {
      const found = known.find((image) => image.content.descriptor.digest === digest);
      if (found === undefined) throw new Error('Cannot read: not there');
      return found.content;
    },
  };
  return choosePlatforms({ ...UNASKED, ...source }, content, platforms.map(parsePlatform), signal);
}

function unasked(): never {
  throw new Error('Cannot be asked in this test');
}

const UNASKED = { resolve: unasked, fetch: unasked, predecessors: unasked };

describe('platforms of an index', () => {
  test('one yields that child as it is, never an index with holes', async () => {
    expect(await choose(index, 'windows/amd64')).toBe(windows.content);
  });

  test('several yield an index of just these and what attests to them, all else as it was', async () => {
    const chosen = await choose(index, 'linux/amd64', 'windows/amd64');
    const body: unknown = JSON.parse(Buffer.from(chosen.bytes).toString());
    expect(body).toMatchObject({ schemaVersion: 2, annotations: { kept: 'yes' }, extra: [1] });
    const { manifests } = parseManifest(chosen.bytes, chosen.descriptor.mediaType);
    expect(manifests.map(({ digest }) => digest)).toEqual(
      [amd, windows, { content: attestation }].map(({ content }) => content.descriptor.digest),
    );
    expect(chosen.descriptor).toEqual({
      mediaType: OCI_INDEX,
      digest: digestOf(chosen.bytes),
      size: chosen.bytes.length,
    });
  });

  test('without a variant mean every variant', async () => {
    const { manifests } = parseManifest((await choose(index, 'linux/arm')).bytes, OCI_INDEX);
    expect(manifests.map(({ platform }) => platform?.variant)).toEqual(['v6', 'v7']);
    expect(await choose(index, 'linux/arm/v7')).toBe(arm7.content);
  });

  test('give the same digest each time, in whatever order they are wanted', async () => {
    const [one, other] = [
      await choose(index, 'linux/amd64', 'linux/arm'),
      await choose(index, 'linux/arm', 'linux/amd64'),
    ];
    expect(one.descriptor.digest).toBe(other.descriptor.digest);
  });

  test('of which none is there are an error that says which are', async () => {
    await expect(choose(indexOf(amd, arm7), 'linux/s390x', 'linux/ppc64le')).rejects.toMatchObject({
      code: 'INVALID_MANIFEST',
      message: expect.stringContaining(
        'linux/s390x or linux/ppc64le, the index has linux/amd64, linux/arm/v7',
      ),
    });
    await expect(choose(indexOf(), 'linux/amd64')).rejects.toMatchObject({
      message: expect.stringContaining('the index has none'),
    });
  });
});

describe('nothing is changed', () => {
  test.each<[string, ManifestContent, string[]]>([
    ['when all platforms are wanted', index, []],
    ['when the index loses nothing', indexOf(amd, arm7), ['linux/amd64', 'linux/arm', 'linux/riscv64']],
    ['when it is no index', amd.content, ['windows/amd64']],
  ])('%s', async (_name, content, platforms) => {
    expect(await choose(content, ...platforms)).toBe(content);
  });

  test('about an index made with the image maker', async () => {
    const made = makeIndex([amd, windows]);
    expect(await choose(made.content, 'linux/amd64', 'windows/amd64')).toBe(made.content);
  });
});
