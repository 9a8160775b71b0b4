import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { graphCopy } from '../../test/fakes/copying.ts';
import { makeImage } from '../../test/images/image.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { OCI_LAYER, OCI_MANIFEST } from '../image/media-type.ts';
import { BlobMemory } from './blob-memory.ts';
import type { GraphCopy, Moved } from './copy-graph.ts';
import { transferLimit } from './limit.ts';
import { Pass } from './pass.ts';
import type { ManifestContent, PushOptions, Source, Target } from './target.ts';

/** How copies wait for each other. The sides are in memory, because time stands still here. */

afterEach(() => vi.useRealTimers());

const SECOND = 1000;
const image = await makeImage({ layers: [{ size: 2 * 1024 * 1024, seed: 1 }] });
const [config, layer] = image.blobs;
if (config === undefined || layer === undefined) throw new Error('Cannot test: wanted two blobs');

function unused(): never {
  throw new Error('Cannot be asked in this test');
}

/** Has the blobs of the image. @param stalled one that never comes */
function source(stalled?: Digest): Source {
  return {
    resolve: unused,
    fetchReference: unused,
    predecessors: unused,
    fetch: async ({ digest }) => {
      if (digest === stalled) return new Readable({ read() {} });
      return (digest === layer?.descriptor.digest ? layer : config)?.open() ?? unused();
    },
  };
}

interface Sent {
  readonly digest: Digest;
  readonly mountFrom: string | undefined;
}

/** Takes everything, and remembers how it came. */
function target(sent: Sent[]): Target {
  return {
    resolve: unused,
    fetchReference: unused,
    predecessors: unused,
    fetch: unused,
    exists: unused,
    pushReference: async () => undefined,
    push: async ({ digest }, open, signal, { mountFrom }: PushOptions = {}) => {
      sent.push({ digest, mountFrom });
      if (mountFrom !== undefined) return 'mounted';
      const content = await open();
      signal.addEventListener('abort', () => content.destroy(new Error('aborted')));
      await buffer(content);
      return 'pushed';
    },
  };
}

interface Run {
  readonly sent: Sent[];
  readonly done: Promise<Moved>;
}

function run(memory: BlobMemory, path: string, options: Partial<GraphCopy> & { from?: Source } = {}): Run {
  const { from = source(), ...rest } = options;
  const sent: Sent[] = [];
  const mounts = { memory, place: { host: 'backup.example', path } };
  const done = new Pass(graphCopy(from, target(sent), { mounts, ...rest }), false).run(image.content, 'v1');
  return { sent, done };
}

function mountsOf({ sent }: Run): Record<string, string | undefined> {
  return Object.fromEntries(sent.map(({ digest, mountFrom }) => [digest, mountFrom]));
}

const NOT_MOUNTED = { [config.descriptor.digest]: undefined, [layer.descriptor.digest]: undefined };

describe('a copy whose blobs another one sends', () => {
  test('waits for it, and mounts them from there', async () => {
    const memory = new BlobMemory();
    const [first, second] = [run(memory, 'first'), run(memory, 'second')];
    await Promise.all([first.done, second.done]);
    expect(mountsOf(first)).toEqual(NOT_MOUNTED);
    expect(mountsOf(second)).toEqual({
      [config.descriptor.digest]: 'first',
      [layer.descriptor.digest]: 'first',
    });
  });

  test('names the repository to itself when it is the same: the registry may be one that cannot tell', async () => {
    const memory = new BlobMemory();
    await run(memory, 'same').done;
    const again = run(memory, 'same');
    await again.done;
    expect(mountsOf(again)).toEqual({
      [config.descriptor.digest]: 'same',
      [layer.descriptor.digest]: 'same',
    });
  });

  test('loses patience with a source that never delivers: 15 s, and a second for each 2 MiB', async () => {
    vi.useFakeTimers();
    const memory = new BlobMemory();
    const stop = new AbortController();
    const stuck = run(memory, 'stuck', { from: source(layer.descriptor.digest), signal: stop.signal });
    stuck.done.catch(() => undefined);
    const other = run(memory, 'other');
    await vi.advanceTimersByTimeAsync(16 * SECOND - 1);
    expect(mountsOf(other)).toEqual({ [config.descriptor.digest]: 'stuck' });
    await vi.advanceTimersByTimeAsync(1);
    await other.done;
    expect(mountsOf(other)).toEqual({
      [config.descriptor.digest]: 'stuck',
      [layer.descriptor.digest]: undefined,
    });
    stop.abort();
    await expect(stuck.done).rejects.toMatchObject({ operation: 'copy blob' });
  });

  test('is one of many that lose patience, of which one sends and the others wait for that', async () => {
    vi.useFakeTimers();
    const memory = new BlobMemory();
    const stop = new AbortController();
    const stuck = run(memory, 'stuck', { from: source(layer.descriptor.digest), signal: stop.signal });
    stuck.done.catch(() => undefined);
    const others = Array.from({ length: 5 }, (_, number) => run(memory, `other-${number}`));
    await vi.advanceTimersByTimeAsync(16 * SECOND);
    await Promise.all(others.map(({ done }) => done));
    const froms = others.map((other) => mountsOf(other)[layer.descriptor.digest]);
    expect(froms).toEqual([undefined, 'other-0', 'other-0', 'other-0', 'other-0']);
    stop.abort();
    await expect(stuck.done).rejects.toBeDefined();
  });

  test('stops waiting when it is told to', async () => {
    const memory = new BlobMemory();
    const [stopStuck, stop] = [new AbortController(), new AbortController()];
    const stuck = run(memory, 'stuck', { from: source(layer.descriptor.digest), signal: stopStuck.signal });
    const other = run(memory, 'other', { signal: stop.signal });
    const failed = other.done.catch((error: unknown) => error);
    stop.abort();
    expect(await failed).toMatchObject({ code: 'ABORTED', digest: expect.any(String) });
    stopStuck.abort();
    await expect(stuck.done).rejects.toMatchObject({ operation: 'copy blob' });
  });
});

test('where the source is in the same registry, it is what blobs are mounted from', async () => {
  const sent: Sent[] = [];
  await new Pass(graphCopy(source(), target(sent), { mountFrom: 'origin' }), false).run(image.content, 'v1');
  expect(sent.map(({ mountFrom }) => mountFrom)).toEqual(['origin', 'origin']);
});

/** A manifest that names blobs of these sizes, in bytes. They are never opened. */
function namingBlobsOf(sizes: readonly number[]): ManifestContent {
  const layers = sizes.map((size, index) => ({
    mediaType: OCI_LAYER,
    digest: digestOf(Buffer.from(`layer ${index}`)),
    size,
  }));
  const [first, ...rest] = layers;
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: first, layers: rest }),
  );
  return { descriptor: { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }, bytes };
}

test('of large blobs five are under way at once, and keep no small one from its place', async () => {
  const [large, small] = [64 * 1024 * 1024, 1000];
  const started: number[] = [];
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const slow: Target = {
    ...target([]),
    push: async ({ size }) => {
      started.push(size);
      await arrived;
      return 'pushed';
    },
  };
  const pass = new Pass(graphCopy(source(), slow, { limit: transferLimit(8) }), false);
  const running = pass.run(
    namingBlobsOf([...Array<number>(7).fill(large), ...Array<number>(6).fill(small)]),
    'v1',
  );
  await expect.poll(() => started).toHaveLength(8);
  expect(started.filter((size) => size === large)).toHaveLength(5);
  arrive();
  expect((await running).blobs.pushed).toBe(13);
});
