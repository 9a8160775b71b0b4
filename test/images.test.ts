import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { digestOf } from '../src/image/digest.ts';
import { parseManifest } from '../src/image/manifest.ts';
import {
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../src/image/media-type.ts';
import { startRegistry } from './fakes/scripted-registry.ts';
import { type MadeImage, makeImage, makeIndex } from './images/image.ts';
import { pushImage, repositoryAt } from './images/push.ts';
import { randomBytes } from './images/random-bytes.ts';

test('the same options give the same image, another seed another', async () => {
  const options = { layers: [{ size: 5000, seed: 7 }], runnable: true };
  const [one, same, other] = await Promise.all([
    makeImage(options),
    makeImage(options),
    makeImage({ ...options, layers: [{ size: 5000, seed: 8 }] }),
  ]);
  expect(same.content.bytes).toEqual(one.content.bytes);
  expect(other.content.descriptor.digest).not.toBe(one.content.descriptor.digest);
});

test.each([
  ['opaque', false],
  ['runnable', true],
])(
  'every blob of an image with %s layers has the size and digest it is said to have',
  async (_, runnable) => {
    const layers = [0, 1, 600_000].map((size, seed) => ({ size, seed }));
    const { blobs } = await makeImage({ layers, runnable });
    for (const { descriptor, open } of blobs) {
      const bytes = await buffer(open());
      expect({ digest: digestOf(bytes), size: bytes.length }).toMatchObject({
        digest: descriptor.digest,
        size: descriptor.size,
      });
    }
  },
);

test('random bytes do not depend on how many are asked for, and do not repeat', () => {
  const short = Buffer.concat([...randomBytes(1, 300_000)]);
  const long = Buffer.concat([...randomBytes(1, 600_000)]);
  expect(long.subarray(0, 300_000)).toEqual(short);
  expect(long.subarray(262_144, 262_160)).not.toEqual(long.subarray(0, 16));
});

/** Fields of a ustar header, read as POSIX writes them. */
function readHeader(tar: Buffer): {
  name: string;
  size: number;
  checksum: number;
  sum: number;
  magic: string;
} {
  function octalAt(start: number, end: number): number {
    return Number.parseInt(tar.toString('latin1', start, end), 8);
  }
  const blanked = Buffer.from(tar.subarray(0, 512)).fill(' ', 148, 156);
  return {
    name: tar.toString('latin1', 0, 100).replace(/\0.*/s, ''),
    size: octalAt(124, 136),
    checksum: octalAt(148, 156),
    sum: blanked.reduce((sum, byte) => sum + byte, 0),
    magic: tar.toString('latin1', 257, 265),
  };
}

test.each([0, 1, 511, 512, 513, 100_000])(
  'a runnable layer is a gzipped tar with a file of %i bytes',
  async (size) => {
    const image = await makeImage({ layers: [{ size, seed: 3 }], runnable: true });
    const [config, layer] = await Promise.all(image.blobs.map(({ open }) => buffer(open())));
    const tar = gunzipSync(layer ?? '');
    const header = readHeader(tar);
    expect(header).toMatchObject({ name: 'data/3', size, checksum: header.sum, magic: 'ustar\x0000' });
    expect(tar.subarray(512, 512 + size)).toEqual(Buffer.concat([...randomBytes(3, size)]));
    expect(tar.length % 512).toBe(0);
    expect(tar.subarray(-1024).equals(Buffer.alloc(1024))).toBe(true);
    const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
    expect(JSON.parse(String(config))).toMatchObject({ os: 'linux', rootfs: { diff_ids: [diffId] } });
  },
);

function read({ content }: MadeImage): ReturnType<typeof parseManifest> {
  return parseManifest(content.bytes, content.descriptor.mediaType);
}

test.each([
  ['oci', OCI_MANIFEST, OCI_INDEX],
  ['docker', DOCKER_MANIFEST, DOCKER_INDEX],
] as const)('images and indexes carry the media types of %s', async (mediaTypes, manifest, index) => {
  const image = await makeImage({ mediaTypes });
  expect(read(image).mediaType).toBe(manifest);
  expect(read(makeIndex([image], { mediaTypes })).mediaType).toBe(index);
});

test('an index names its images with their platforms, in their order', async () => {
  const platforms = [
    { os: 'linux', architecture: 'arm64', variant: 'v8' },
    { os: 'linux', architecture: 'amd64' },
  ];
  const images = await Promise.all(platforms.map((platform) => makeImage({ platform })));
  expect(read(makeIndex(images)).manifests.map(({ platform }) => platform)).toEqual(platforms);
});

test('an artifact has the empty config, its type, subject and annotations', async () => {
  const subject = (await makeImage()).content.descriptor;
  const artifact = await makeImage({ artifactType: 'text/x', layers: [], subject, annotations: { a: 'b' } });
  expect(read(artifact)).toMatchObject({
    artifactType: 'text/x',
    subject: { digest: subject.digest },
    annotations: { a: 'b' },
  });
  expect(artifact.blobs.map(({ descriptor }) => descriptor.mediaType)).toEqual([OCI_EMPTY]);
});

test('config fields and the media type of a chart can be given', async () => {
  const image = await makeImage({ config: { config: { Cmd: ['/run'] } }, configType: 'text/chart' });
  const [config, layer] = image.blobs;
  expect(config?.descriptor.mediaType).toBe('text/chart');
  expect(layer?.descriptor.mediaType).toBe(OCI_LAYER_GZIP);
  expect(JSON.parse(String(await buffer(config?.open() ?? Readable.from([]))))).toMatchObject({
    config: { Cmd: ['/run'] },
  });
});

test('an image with an empty layer can be pushed to a registry, with headers', async () => {
  const auth = { basic: { username: 'a', password: 'b' } };
  const registry = await startRegistry({ auth });
  const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`;
  const image = await makeImage({ layers: [{ size: 0, seed: 0 }] });
  await pushImage(repositoryAt(registry.url, 'app', { authorization }), image, 'v1');
  expect(registry.manifest('app', 'v1')).toEqual(image.content.bytes);
  await expect(pushImage(repositoryAt(registry.url, 'app'), image, 'v1')).rejects.toThrow(
    /wanted 202, got 401/,
  );
  await registry.close();
});

test("a refused manifest is an error with the registry's reason", async () => {
  const registry = await startRegistry();
  const image = await makeImage();
  const { pushReference } = repositoryAt(registry.url, 'app');
  const put = pushReference(image.content, 'v1', new AbortController().signal);
  await expect(put).rejects.toThrow(/MANIFEST_BLOB_UNKNOWN/);
  await registry.close();
});
