import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { makeImage, makeIndex } from '../../test/images/image.ts';
import { pushImage } from '../../test/images/push.ts';
import type { Target } from '../copy/target.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { type Digest, digestOf, hexOf } from '../image/digest.ts';
import { OCI_EMPTY, OCI_MANIFEST } from '../image/media-type.ts';
import { Layout } from './layout.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'layout-'));
});
afterEach(() => rm(dir, { recursive: true }));

const never = new AbortController().signal;
const image = await makeImage({ layers: [{ size: 1000, seed: 1 }] });
const [config, layer] = image.blobs;
if (config === undefined || layer === undefined) throw new Error('Cannot test: wanted two blobs');
const arm = await makeImage({
  layers: [{ size: 1000, seed: 1 }],
  platform: { os: 'linux', architecture: 'arm64' },
});
const index = makeIndex([image, arm]);
const absent = digestOf(Buffer.from('absent'));

function digestOfImage({ content }: { content: { descriptor: Descriptor } }): Digest {
  return content.descriptor.digest;
}

async function indexJson(): Promise<{ manifests: Descriptor[] }> {
  return JSON.parse(await readFile(join(dir, 'index.json'), 'utf8'));
}

async function files(): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Bytes that come, and then nothing more, until it is destroyed. */
function stalled(bytes: Buffer): Readable {
  let sent = false;
  return new Readable({
    read() {
      if (!sent) this.push(bytes);
      sent = true;
    },
  });
}

/** A layout that holds the index and whose index.json is this. */
async function write(body: object): Promise<Layout> {
  await pushImage(await Layout.create(dir), index);
  await writeFile(join(dir, 'index.json'), JSON.stringify({ schemaVersion: 2, ...body }));
  return Layout.open(dir);
}

test('a layout is a target of copies by shape', () => {
  expectTypeOf<Layout>().toExtend<Target>();
});

describe('writing', () => {
  test('an image is written as the spec lays it out', async () => {
    await pushImage(await Layout.create(dir), image, 'v1');
    expect(JSON.parse(await readFile(join(dir, 'oci-layout'), 'utf8'))).toEqual({
      imageLayoutVersion: '1.0.0',
    });
    const { mediaType, digest, size } = image.content.descriptor;
    expect(await indexJson()).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ mediaType, digest, size, annotations: { 'org.opencontainers.image.ref.name': 'v1' } }],
    });
    const blobs = [image.content, ...image.blobs].map(({ descriptor }) => hexOf(descriptor.digest));
    expect((await readdir(join(dir, 'blobs/sha256'))).toSorted()).toEqual(blobs.toSorted());
  });

  test('of an index only the index is listed, and its children are found through it', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, index, 'all');
    expect((await indexJson()).manifests.map(({ digest }) => digest)).toEqual([digestOfImage(index)]);
    for (const child of [image, arm]) {
      expect(await layout.exists(digestOfImage(child))).toBe(true);
      expect((await layout.fetchReference(digestOfImage(child))).bytes).toEqual(child.content.bytes);
    }
  });

  test('a blob is pushed once, and again when forced', async () => {
    const layout = await Layout.create(dir);
    const { descriptor, open } = layer;
    const results = [];
    for (const force of [false, false, true])
      results.push(await layout.push(descriptor, async () => open(), never, { force }));
    expect(results).toEqual(['pushed', 'present', 'pushed']);
  });

  test('a blob of the wrong size in its place is written anew', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    const { descriptor, open } = layer;
    await truncate(join(dir, 'blobs/sha256', hexOf(descriptor.digest)), 10);
    expect(await layout.push(descriptor, async () => open(), never)).toBe('pushed');
    expect(await buffer(await layout.fetch(descriptor, never))).toHaveLength(1000);
  });

  test('a manifest pushed by digest is listed without a name, once', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image);
    await pushImage(layout, image);
    expect((await indexJson()).manifests).toEqual([
      expect.not.objectContaining({ annotations: expect.anything() }),
    ]);
    expect(await layout.tags()).toEqual([]);
    expect(await layout.resolve(digestOfImage(image))).toMatchObject({ digest: digestOfImage(image) });
  });

  test('a manifest may have several tags', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    await layout.tag('v1', 'v2');
    await layout.tag(digestOfImage(image), 'v3');
    expect((await layout.tags()).toSorted()).toEqual(['v1', 'v2', 'v3']);
    expect((await layout.resolve('v3')).digest).toBe(digestOfImage(image));
  });

  test('a tag that moves leaves the old manifest by its digest', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    await pushImage(layout, arm, 'v1');
    expect((await layout.resolve('v1')).digest).toBe(digestOfImage(arm));
    expect(await layout.exists(digestOfImage(image))).toBe(true);
    expect(await layout.tags()).toEqual(['v1']);
  });

  test('a manifest whose parts are missing is refused with all their digests', async () => {
    const layout = await Layout.create(dir);
    const missing = image.blobs.map(({ descriptor }) => descriptor.digest);
    await expect(layout.pushReference(image.content, 'v1')).rejects.toMatchObject({
      code: 'MISSING_CONTENT',
      missing,
    });
    await expect(layout.pushReference(index.content, 'v1')).rejects.toMatchObject({
      missing: [image, arm].map(digestOfImage),
    });
    expect(await files()).toHaveLength(2);
  });

  test.each([
    ['has an address of its own', { urls: ['https://example.com/layer'] }],
    [
      'must not be distributed',
      { mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' },
    ],
  ])('a layer that %s need not be there', async (_, fields) => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image);
    const layers = [{ ...layer.descriptor, digest: absent, ...fields }];
    const body = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: config.descriptor, layers };
    const bytes = Buffer.from(JSON.stringify(body));
    const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length };
    await layout.pushReference({ descriptor, bytes }, 'foreign');
    expect(await layout.exists(descriptor.digest)).toBe(true);
  });

  test('a manifest under another digest than its own is refused', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image);
    await expect(layout.pushReference(image.content, absent)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
    });
    const lying = { ...image.content, descriptor: { ...image.content.descriptor, digest: absent } };
    await expect(layout.pushReference(lying, 'v1')).rejects.toMatchObject({ code: 'CONTENT_MISMATCH' });
    expect(await layout.tags()).toEqual([]);
  });

  test('fifty manifests pushed at once are all listed, by two openers of the same directory', async () => {
    const layouts = [await Layout.create(dir), await Layout.open(dir)] as const;
    const made = await Promise.all(
      Array.from({ length: 50 }, (_, seed) => makeImage({ layers: [{ size: 10, seed }] })),
    );
    await Promise.all(made.map((each, at) => pushImage(layouts[at % 2 === 0 ? 0 : 1], each, `v${at}`)));
    expect(await layouts[0].tags()).toHaveLength(50);
    expect(await layouts[1].tags()).toHaveLength(50);
  });

  test('the same image pushed at once by several is whole', async () => {
    const layout = await Layout.create(dir);
    await Promise.all(Array.from({ length: 8 }, () => pushImage(layout, index, 'same')));
    expect((await indexJson()).manifests).toHaveLength(1);
    expect(await files()).toHaveLength(2 + 2 + 1 + 2 + 1);
  });
});

describe('reading', () => {
  test.each([['v2'], [absent], ['sha256:abc'], ['../index.json'], ['']])(
    '%j is certainly absent',
    async (identifier) => {
      const layout = await Layout.create(dir);
      await pushImage(layout, image, 'v1');
      await expect(layout.resolve(identifier)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(layout.fetchReference(identifier)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(layout.delete(identifier)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    },
  );

  test('a blob is no manifest, though it lies among them', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    const { digest } = config.descriptor;
    expect(await layout.exists(digest)).toBe(false);
    await expect(layout.resolve(digest)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('an entry whose content is gone is absent', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    await rm(join(dir, 'blobs/sha256', hexOf(digestOfImage(image))));
    await expect(layout.resolve('v1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await layout.exists(digestOfImage(image))).toBe(false);
  });

  test('an absent blob is refused before a stream is opened', async () => {
    const layout = await Layout.create(dir);
    const descriptor = { mediaType: OCI_EMPTY, digest: absent, size: 1 };
    await expect(layout.fetch(descriptor, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test.each([
    ['shorter', 999],
    ['longer', 1001],
    ['empty', 0],
  ])('a blob that became %s errors while it is read', async (_, length) => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    const { descriptor } = layer;
    await truncate(join(dir, 'blobs/sha256', hexOf(descriptor.digest)), length);
    const reading = buffer(await layout.fetch(descriptor, never));
    await expect(reading).rejects.toMatchObject({ code: 'CONTENT_MISMATCH' });
  });

  test('a changed manifest is refused, and healed by pushing it again', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    await writeFile(join(dir, 'blobs/sha256', hexOf(digestOfImage(image))), '{}');
    await expect(layout.fetchReference('v1')).rejects.toMatchObject({ code: 'CONTENT_MISMATCH' });
    const reopened = await Layout.open(dir);
    expect(await reopened.exists(digestOfImage(image))).toBe(false);
    await pushImage(reopened, image, 'v1');
    expect((await reopened.fetchReference('v1')).bytes).toEqual(image.content.bytes);
  });

  test('an oversized manifest is refused unread', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    await truncate(join(dir, 'blobs/sha256', hexOf(digestOfImage(image))), 4 * 1024 * 1024 + 1);
    await expect(layout.fetchReference('v1')).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  test('aborting ends the stream', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    const controller = new AbortController();
    const stream = await layout.fetch(layer.descriptor, controller.signal);
    controller.abort();
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });

  test('referrers are found with artifact type and annotations', async () => {
    const layout = await Layout.create(dir);
    const subject = image.content.descriptor;
    const signature = await makeImage({
      artifactType: 'text/x',
      layers: [],
      subject,
      annotations: { by: 'me' },
    });
    const other = await makeImage({ artifactType: 'text/y', layers: [], subject: arm.content.descriptor });
    for (const each of [image, signature, other]) await pushImage(layout, each);
    expect(await layout.predecessors(subject)).toEqual([
      { ...signature.content.descriptor, artifactType: 'text/x', annotations: { by: 'me' } },
    ]);
    expect(await layout.predecessors(signature.content.descriptor)).toEqual([]);
  });

  test('what another opener writes is seen', async () => {
    const [reader, writer] = [await Layout.create(dir), await Layout.open(dir)];
    expect(await reader.exists(digestOfImage(index))).toBe(false);
    await pushImage(writer, index, 'v1');
    expect(await reader.exists(digestOfImage(arm))).toBe(true);
    await writer.delete(digestOfImage(index));
    expect(await reader.exists(digestOfImage(index))).toBe(false);
  });
});

describe('deleting', () => {
  test('a tag leaves its manifest', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    await layout.delete('v1');
    expect(await layout.tags()).toEqual([]);
    expect(await layout.exists(digestOfImage(image))).toBe(true);
  });

  test('a manifest takes all its tags with it and leaves its blobs', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    await layout.tag('v1', 'v2');
    await layout.delete(digestOfImage(image));
    expect(await layout.tags()).toEqual([]);
    expect(await layout.exists(digestOfImage(image))).toBe(false);
    expect(await layout.blobs.size(config.descriptor.digest)).toBeGreaterThan(0);
  });

  test('an index leaves its children, which a new opener finds as well', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, index, 'all');
    await layout.delete(digestOfImage(index));
    const reopened = await Layout.open(dir);
    expect([await reopened.exists(digestOfImage(image)), await reopened.exists(digestOfImage(arm))]).toEqual([
      true,
      true,
    ]);
    expect((await indexJson()).manifests).toHaveLength(2);
  });

  test('a child leaves its index', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, index, 'all');
    await layout.delete(digestOfImage(arm));
    expect([await layout.exists(digestOfImage(arm)), await layout.exists(digestOfImage(index))]).toEqual([
      false,
      true,
    ]);
  });

  test('a deleted manifest can be pushed again', async () => {
    const layout = await Layout.create(dir);
    await pushImage(layout, image, 'v1');
    await layout.delete(digestOfImage(image));
    await pushImage(layout, image, 'v1');
    expect((await layout.fetchReference('v1')).bytes).toEqual(image.content.bytes);
  });
});

describe('failing', () => {
  test.each([
    ['wrong bytes', () => Readable.from([Buffer.alloc(1000)])],
    ['too few bytes', () => Readable.from([Buffer.alloc(999)])],
    ['too many bytes', () => Readable.from([Buffer.alloc(1001)])],
    ['no bytes', () => Readable.from([])],
  ])('%s leave no file', async (_, open) => {
    const layout = await Layout.create(dir);
    await expect(layout.push(layer.descriptor, async () => open(), never)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
    });
    expect(await files()).toEqual(expect.not.arrayContaining([expect.stringMatching(/tmp|[0-9a-f]{64}/)]));
  });

  test('a source that breaks leaves no file, and its error is passed on', async () => {
    const layout = await Layout.create(dir);
    const source = stalled(Buffer.alloc(10));
    const fault = Object.assign(new Error('gone'), { code: 'UNREACHABLE' });
    const pushing = layout.push(layer.descriptor, async () => source, never);
    source.once('resume', () => source.destroy(fault));
    await expect(pushing).rejects.toBe(fault);
    expect(await files()).toHaveLength(2);
  });

  test('a source that cannot be opened leaves no file', async () => {
    const layout = await Layout.create(dir);
    const fault = new Error('refused');
    await expect(layout.push(layer.descriptor, () => Promise.reject(fault), never)).rejects.toBe(fault);
    expect(await files()).toHaveLength(2);
  });

  test('aborting leaves no file', async () => {
    const layout = await Layout.create(dir);
    const controller = new AbortController();
    const source = stalled(Buffer.alloc(10));
    const pushing = layout.push(layer.descriptor, async () => source, controller.signal);
    source.once('resume', () => controller.abort());
    await expect(pushing).rejects.toMatchObject({ code: 'ABORTED' });
    expect(source.destroyed).toBe(true);
    expect(await files()).toHaveLength(2);
  });

  test('leftovers of a crash are no content, and are removed once they are old', async () => {
    await pushImage(await Layout.create(dir), image, 'v1');
    const leftovers = ['.tmp-index', 'blobs/sha256/.tmp-old', 'blobs/sha256/.tmp-young'].map((name) =>
      join(dir, name),
    );
    for (const path of leftovers) await writeFile(path, 'half');
    for (const path of leftovers.slice(0, 2)) await utimes(path, 0, 0);
    await Layout.open(dir);
    expect((await files()).filter((name) => name.startsWith('.tmp-'))).toEqual(['.tmp-young']);
  });

  test.each([
    ['absent', undefined],
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no list', '{"manifests":{}}'],
    ['no descriptor', '{"manifests":[{"digest":"sha256:../../etc/passwd","size":1,"mediaType":"x"}]}'],
  ])('a layout whose index.json is %s is refused', async (_, text) => {
    await Layout.create(dir);
    await rm(join(dir, 'index.json'));
    if (text !== undefined) await writeFile(join(dir, 'index.json'), text);
    await expect(Layout.open(dir)).rejects.toMatchObject({ code: 'INVALID_LAYOUT' });
  });

  test('an oversized index.json is refused unread', async () => {
    await Layout.create(dir);
    await truncate(join(dir, 'index.json'), 64 * 1024 * 1024 + 1);
    await expect(Layout.open(dir)).rejects.toMatchObject({ code: 'INVALID_LAYOUT' });
  });

  test.each([
    ['absent', undefined],
    ['no JSON', '{'],
    ['of another version', '{"imageLayoutVersion":"2.0.0"}'],
    ['without a version', '{}'],
  ])('a directory whose oci-layout is %s is refused', async (_, text) => {
    await writeFile(join(dir, 'index.json'), '{"schemaVersion":2,"manifests":[]}');
    if (text !== undefined) await writeFile(join(dir, 'oci-layout'), text);
    await expect(Layout.open(dir)).rejects.toMatchObject({ code: 'INVALID_LAYOUT' });
    await expect(Layout.create(dir)).rejects.toMatchObject({ code: 'INVALID_LAYOUT' });
  });

  test('a directory with something else in it is not made a layout', async () => {
    await writeFile(join(dir, 'thesis.tex'), '');
    await expect(Layout.create(dir)).rejects.toMatchObject({ code: 'INVALID_LAYOUT' });
    expect(await files()).toEqual(['thesis.tex']);
  });

  test('a layout that a crash left half made is finished', async () => {
    await writeFile(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await pushImage(await Layout.create(dir), image, 'v1');
    expect(await (await Layout.open(dir)).tags()).toEqual(['v1']);
  });
});

describe('layouts of other tools', () => {
  const entry = { ...image.content.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'v1' } };

  test('a sparse index shows the children that are there', async () => {
    const layout = await write({ manifests: [index.content.descriptor] });
    await rm(join(dir, 'blobs/sha256', hexOf(digestOfImage(arm))));
    expect(await layout.exists(digestOfImage(image))).toBe(true);
    expect(await layout.exists(digestOfImage(arm))).toBe(false);
  });

  test('what we do not know is kept when the file is written', async () => {
    const foreign = {
      ...entry,
      platform: { os: 'windows', architecture: 'amd64', 'os.version': '10' },
      extra: [1],
    };
    const layout = await write({ annotations: { mine: 'yes' }, manifests: [foreign] });
    await layout.tag('v1', 'v2');
    expect(await indexJson()).toMatchObject({ annotations: { mine: 'yes' }, manifests: [foreign, {}] });
  });

  test('an entry of another kind is left alone', async () => {
    const layout = await write({ manifests: [entry, config.descriptor] });
    expect(await layout.exists(config.descriptor.digest)).toBe(false);
    await pushImage(layout, arm, 'v2');
    expect((await indexJson()).manifests[1]).toEqual(config.descriptor);
  });

  test('a manifest that makes no sense hides nothing else', async () => {
    await Layout.create(dir);
    const bytes = Buffer.from('{"schemaVersion":1}');
    await mkdir(join(dir, 'blobs/sha256'), { recursive: true });
    await writeFile(join(dir, 'blobs/sha256', hexOf(digestOf(bytes))), bytes);
    const odd = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length };
    const layout = await write({ manifests: [odd, entry] });
    expect(await layout.exists(digestOfImage(image))).toBe(true);
    expect(await layout.exists(odd.digest)).toBe(false);
  });

  test('indexes in a circle of names do not hang it', async () => {
    const layout = await write({ manifests: [index.content.descriptor, index.content.descriptor, entry] });
    expect(await layout.exists(digestOfImage(arm))).toBe(true);
  });

  test('a blobs directory that is a link is followed', async () => {
    const layout = await Layout.create(join(dir, 'real'));
    await pushImage(layout, image, 'v1');
    await symlink(join(dir, 'real'), join(dir, 'linked'));
    expect(await (await Layout.open(join(dir, 'linked'))).tags()).toEqual(['v1']);
  });
});
