import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { BlobStore } from './blob-store.ts';
import { ManifestGraph } from './manifest-graph.ts';

let dir: string;
let blobs: BlobStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'graph-'));
  blobs = new BlobStore(dir);
});
afterEach(() => rm(dir, { recursive: true }));

function make(seed: number): Promise<MadeImage> {
  return makeImage({ layers: [{ size: 10, seed }] });
}
const [a, b, c] = [await make(1), await make(2), await make(3)];

function descriptorOf({ content }: MadeImage): Descriptor {
  return content.descriptor;
}

function digestsOf(made: readonly MadeImage[]): Set<Digest> {
  return new Set(made.map((each) => each.content.descriptor.digest));
}

/** Writes manifests alone; what they point at need not be there. */
async function write(...made: readonly MadeImage[]): Promise<void> {
  for (const { content } of made)
    await blobs.write(content.descriptor, async () => Readable.from([content.bytes], { objectMode: false }));
}

async function reached(...entries: readonly Descriptor[]): Promise<Set<Digest>> {
  return new Set((await new ManifestGraph(blobs).reachable(entries)).keys());
}

test('indexes within indexes are walked to their ends', async () => {
  const inner = makeIndex([a, b]);
  const outer = makeIndex([inner, c]);
  await write(a, b, c, inner, outer);
  expect(await reached(descriptorOf(outer))).toEqual(digestsOf([a, b, c, inner, outer]));
  expect(await reached(descriptorOf(inner))).toEqual(digestsOf([a, b, inner]));
  expect(await reached()).toEqual(new Set());
});

test('a manifest that several indexes share is read once', async () => {
  const indexes = ['x', 'y', 'z'].map((name) => makeIndex([a], { annotations: { name } }));
  await write(a, ...indexes);
  const read = blobs.readWhole.bind(blobs);
  const reads: Digest[] = [];
  blobs.readWhole = (digest, limit) => {
    reads.push(digest);
    return read(digest, limit);
  };
  expect(await reached(...indexes.map(descriptorOf))).toEqual(digestsOf([a, ...indexes]));
  expect(reads.filter((digest) => digest === descriptorOf(a).digest)).toHaveLength(1);
});

test('a child that is no manifest, or is not there, is left out', async () => {
  const index = makeIndex([a, b, c]);
  await write(index, a, b);
  expect(await reached(descriptorOf(index))).toEqual(digestsOf([index, a, b]));
  expect(await reached(...a.blobs.map(({ descriptor }) => descriptor))).toEqual(new Set());
});

test('the subject of a referrer is known, and the subject itself is not reached through it', async () => {
  const subject = descriptorOf(a);
  const referrer = await makeImage({ artifactType: 'text/x', subject });
  await write(referrer, a);
  const nodes = await new ManifestGraph(blobs).reachable([descriptorOf(referrer)]);
  expect([...nodes.values()]).toEqual([
    {
      descriptor: { ...descriptorOf(referrer), artifactType: 'text/x' },
      children: [],
      subject: subject.digest,
    },
  ]);
});

test('for the same entries the walk is made once, for others anew', async () => {
  await write(a, b);
  const graph = new ManifestGraph(blobs);
  const entries = [descriptorOf(a)];
  const [one, two] = await Promise.all([graph.reachable(entries), graph.reachable(entries)]);
  expect(one).toBe(two);
  expect((await graph.reachable([descriptorOf(a), descriptorOf(b)])).size).toBe(2);
});

test('what was forgotten is read again', async () => {
  const image = descriptorOf(a);
  await write(a);
  const graph = new ManifestGraph(blobs);
  expect((await graph.reachable([image])).size).toBe(1);
  await blobs.delete(image.digest);
  expect((await graph.reachable([image])).size).toBe(1);
  graph.forget(image.digest);
  expect((await graph.reachable([image])).size).toBe(0);
});

test('a fault of the disk is thrown, and not remembered', async () => {
  const entries = [descriptorOf(a)];
  await write(a);
  let isBroken = true;
  const read = blobs.readWhole.bind(blobs);
  blobs.readWhole = (digest, limit) => (isBroken ? Promise.reject(new Error('EIO')) : read(digest, limit));
  const graph = new ManifestGraph(blobs);
  await expect(graph.reachable(entries)).rejects.toThrow('EIO');
  isBroken = false;
  expect((await graph.reachable(entries)).size).toBe(1);
});
