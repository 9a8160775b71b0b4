import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeContainerd } from '../../test/fakes/containerd.ts';
import type { ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { useSockets } from '../../test/fakes/socket-stage.ts';
import { useStage } from '../../test/fakes/stage.ts';
import { randomBytes } from '../../test/images/random-bytes.ts';
import { readBuffers } from '../buffers/read-buffers.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_LAYER } from '../image/media-type.ts';
import { Channel } from './channel.ts';
import { ContentStore } from './content-store.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const FRAME = 16 * KIB;
const WHOLE = readBuffers.take().length;
const never = new AbortController().signal;

const sockets = useSockets();
const stage = useStage();

let daemon: FakeContainerd;
let store: ContentStore;

beforeEach(async () => {
  daemon = sockets.kept(await FakeContainerd.start());
  store = new ContentStore(sockets.kept(await Channel.open({ socket: daemon.socket, namespace: 'k8s.io' })));
});

interface Layer {
  readonly bytes: Buffer;
  readonly descriptor: { mediaType: string; digest: ReturnType<typeof digestOf>; size: number };
}

/** Content that the daemon has. */
function layerOf(seed: number, size: number): Layer {
  const bytes = Buffer.concat([...randomBytes(seed, size)]);
  const digest = digestOf(bytes);
  daemon.namespace().content.set(digest, bytes);
  return { bytes, descriptor: { mediaType: OCI_LAYER, digest, size } };
}

/** Everything that a daemon sends of its own accord was sent when it has answered so often. */
async function settled(): Promise<void> {
  const absent = digestOf(Buffer.from('absent'));
  for (let count = 0; count < 50; count += 1) await store.size(absent, never);
}

/** Reads as a socket that has sent each chunk before it looks at the next one. */
async function readAndGiveBack(stream: Readable): Promise<{ bytes: Buffer; memory: Set<unknown> }> {
  const copies: Buffer[] = [];
  const memory = new Set<unknown>();
  for await (const chunk of stream) {
    copies.push(Buffer.from(chunk));
    memory.add(chunk.buffer);
    readBuffers.giveBack(chunk);
  }
  return { bytes: Buffer.concat(copies), memory };
}

describe('the frames of a blob', () => {
  test('go on in buffers that are full', async () => {
    const { bytes, descriptor } = layerOf(1, 5 * MIB + 1);
    const chunks: Buffer[] = await store.open(descriptor, never).toArray();
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    const sizes = chunks.map(({ length }) => length);
    expect(sizes.slice(0, -1).filter((size) => size <= WHOLE - FRAME || size > WHOLE)).toEqual([]);
  });

  test('wait for others, and not for ever: what there is at the end goes on', async () => {
    const { bytes, descriptor } = layerOf(2, 4 * FRAME);
    const rest = Promise.withResolvers<void>();
    daemon.send = async function* () {
      yield bytes.subarray(0, FRAME);
      await rest.promise;
      yield bytes.subarray(FRAME);
    };
    const chunks: Buffer[] = [];
    const stream = store.open(descriptor, never).on('data', (chunk) => chunks.push(chunk));
    await settled();
    const before = chunks.length;
    rest.resolve();
    await finished(stream);
    expect([before, chunks.length, Buffer.concat(chunks).equals(bytes)]).toEqual([0, 1, true]);
  });

  test('pass through memory that is used again once they were sent', async () => {
    const { bytes, descriptor } = layerOf(3, 16 * MIB);
    const read = await readAndGiveBack(store.open(descriptor, never));
    expect(read.bytes.equals(bytes)).toBe(true);
    // One that is filled, one that is held back, and those that wait for the reader.
    expect(read.memory.size).toBeLessThan((16 * MIB) / WHOLE / 2);
  });
});

describe('what somebody still has', () => {
  test('stays as it is, however much is read after it', async () => {
    const kept = layerOf(4, 3 * MIB);
    const chunks: Buffer[] = await store.open(kept.descriptor, never).toArray();
    const others = [5, 6, 7].map((seed) => layerOf(seed, 8 * MIB));
    const read = await Promise.all(others.map((one) => readAndGiveBack(store.open(one.descriptor, never))));
    expect(read.map(({ bytes }, at) => others[at]?.bytes.equals(bytes))).toEqual([true, true, true]);
    expect(Buffer.concat(chunks).equals(kept.bytes)).toBe(true);
  });

  test('of a reading that was given up stays as well', async () => {
    const { bytes, descriptor } = layerOf(8, 8 * MIB);
    const stream = store.open(descriptor, never);
    let first: Buffer = Buffer.alloc(0);
    for await (const chunk of stream) {
      first = chunk;
      break;
    }
    expect(stream.destroyed).toBe(true);
    await readAndGiveBack(store.open(layerOf(9, 16 * MIB).descriptor, never));
    expect(first.equals(bytes.subarray(0, first.length))).toBe(true);
  });

  test('of a manifest belongs to who read it', async () => {
    const { bytes, descriptor } = layerOf(10, MIB);
    const manifest = await store.readManifest(descriptor.digest, never);
    // It may be sent more than once: under a tag, and under its digest.
    readBuffers.giveBack(manifest);
    await readAndGiveBack(store.open(layerOf(11, 16 * MIB).descriptor, never));
    expect(manifest.equals(bytes)).toBe(true);
  });
});

/** Pushes all of them at once. @returns for each whether it arrived as it is */
async function push(registry: ScriptedRegistry, layers: readonly Layer[]): Promise<boolean[]> {
  const app = stage.repository(registry, 'app');
  await Promise.all(
    layers.map(({ descriptor }) => app.push(descriptor, async () => store.open(descriptor, never), never)),
  );
  return layers.map(
    ({ bytes, descriptor }) => registry.blob('app', descriptor.digest)?.equals(bytes) === true,
  );
}

describe('blobs on their way into a registry', () => {
  test('arrive as they are, several at once', async () => {
    const layers = [21, 22, 23, 24, 25].map((seed) => layerOf(seed, 6 * MIB + seed));
    expect(await push(await stage.registry(), layers)).toEqual(layers.map(() => true));
  });

  test('arrive as they are where connections break in the midst of them, and all is read anew', async () => {
    const path = /uploads\/.*digest=/;
    const faults = [{ method: 'PUT', path, nth: 1, times: 4, cutAfterRequestBytes: 2 * MIB }];
    const layers = [31, 32, 33, 34, 35].map((seed) => layerOf(seed, 6 * MIB + seed));
    expect(await push(await stage.registry({ faults }), layers)).toEqual(layers.map(() => true));
    expect(daemon.count('Content.Read')).toBe(layers.length + 4);
  });

  test('do not arrive when they are wrong', async () => {
    const registry = await stage.registry();
    const layer = layerOf(41, 3 * MIB);
    const { bytes, descriptor } = layer;
    daemon.send = () => [bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])];
    await expect(push(registry, [layer])).rejects.toMatchObject({ code: 'CONTENT_MISMATCH' });
    expect(registry.blob('app', descriptor.digest)).toBeUndefined();
  });
});
