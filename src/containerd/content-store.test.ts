import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeContainerd } from '../../test/fakes/containerd.ts';
import { refusal } from '../../test/fakes/containerd-namespace.ts';
import { randomBytes } from '../../test/images/random-bytes.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { LARGEST_MANIFEST } from '../image/manifest.ts';
import { Channel } from './channel.ts';
import { ContentStore } from './content-store.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const CONTENT = Buffer.concat([...randomBytes(1, 3 * MIB + 5)]);
const DIGEST = digestOf(CONTENT);

let daemon: FakeContainerd;
let channel: Channel;
let store: ContentStore;

beforeEach(async () => {
  daemon = await FakeContainerd.start();
  daemon.namespace().content.set(DIGEST, CONTENT);
  channel = await Channel.open({ socket: daemon.socket, namespace: 'k8s.io' });
  store = new ContentStore(channel);
});

afterEach(() => {
  channel.close();
  daemon.close();
});

/** What a reader gets, and how it ends. */
async function drain(stream: Readable): Promise<{ readonly bytes: Buffer; readonly error: unknown }> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of stream) pieces.push(piece);
    return { bytes: Buffer.concat(pieces), error: undefined };
  } catch (error) {
    return { bytes: Buffer.concat(pieces), error };
  }
}

function open(size = CONTENT.length, digest: Digest = DIGEST, signal = never): Readable {
  return store.open({ digest, size }, signal);
}

/** The content in pieces, with one of them changed. */
function* inPieces(change: (piece: Buffer, at: number) => readonly Buffer[]): Generator<Buffer> {
  for (let offset = 0, at = 0; offset < CONTENT.length; offset += MIB, at += 1)
    yield* change(CONTENT.subarray(offset, offset + MIB), at);
}

describe('content', () => {
  test('is read as it is', async () => {
    const { bytes, error } = await drain(open());
    expect(error).toBeUndefined();
    expect(bytes.equals(CONTENT)).toBe(true);
  });

  test('without a byte is read too', async () => {
    const empty = Buffer.alloc(0);
    daemon.namespace().content.set(digestOf(empty), empty);
    await expect(drain(open(0, digestOf(empty)))).resolves.toEqual({ bytes: empty, error: undefined });
  });

  test.each(['sha384', 'sha512'] as const)('with a digest of %s is checked by that', async (algorithm) => {
    const digest = digestOf(CONTENT, algorithm);
    daemon.namespace().content.set(digest, CONTENT);
    await expect(drain(open(CONTENT.length, digest))).resolves.toMatchObject({ error: undefined });
  });

  test('comes in pieces of any size, empty ones too', async () => {
    daemon.send = function* () {
      yield Buffer.alloc(0);
      for (let offset = 0; offset < CONTENT.length; offset += 99_991) {
        yield CONTENT.subarray(offset, offset + 99_991);
        yield Buffer.alloc(0);
      }
    };
    const { bytes, error } = await drain(open());
    expect(error).toBeUndefined();
    expect(bytes.equals(CONTENT)).toBe(true);
  });

  test('tells its size, and that it is not there', async () => {
    await expect(store.size(DIGEST, never)).resolves.toBe(CONTENT.length);
    await expect(store.size(digestOf(Buffer.from('x')), never)).resolves.toBeUndefined();
  });

  test('is sent no faster than it is read', async () => {
    const large = 64 * MIB;
    daemon.send = zeros;
    const stream = open(large);
    await once(stream, 'readable');
    // What it asks the daemon afterwards is answered, so that whatever it was going to send by itself is sent.
    for (let count = 0; count < 50; count += 1) await store.size(DIGEST, never);
    expect(daemon.sent).toBeLessThanOrEqual(4 * MIB);
    stream.destroy();
  });

  test('that is large is asked for once', async () => {
    const large = Buffer.concat([...randomBytes(2, 9 * MIB)]);
    daemon.namespace().content.set(digestOf(large), large);
    const { bytes, error } = await drain(open(large.length, digestOf(large)));
    expect(error).toBeUndefined();
    expect(bytes.equals(large)).toBe(true);
    expect(daemon.count('Content.Read')).toBe(1);
  });
});

function* zeros(_content: Buffer, { offset, size }: { offset: number; size: number }): Generator<Buffer> {
  // In small pieces: the server's library takes sixteen of them before it waits for anybody.
  for (let at = offset; at < offset + size; at += MIB / 16) yield Buffer.alloc(MIB / 16);
}

describe('content that is not what it should be', () => {
  const short = CONTENT.subarray(0, -1);
  const cases: readonly (readonly [string, FakeContainerd['send'], string])[] = [
    ['is short', () => [short], `wanted ${CONTENT.length} bytes, got ${short.length}`],
    ['is empty', () => [], `wanted ${CONTENT.length} bytes, got 0`],
    ['is long', () => [CONTENT, Buffer.from('x')], `wanted ${CONTENT.length} bytes, got more`],
    [
      'has wrong bytes at its end',
      () => [Buffer.concat([short, Buffer.from([(CONTENT.at(-1) ?? 0) ^ 1])])],
      `wanted digest ${DIGEST}, got sha256:`,
    ],
    [
      'has wrong bytes, and nothing after them',
      () => [Buffer.concat([short, Buffer.from([(CONTENT.at(-1) ?? 0) ^ 1])]), Buffer.alloc(0)],
      `wanted digest ${DIGEST}, got sha256:`,
    ],
    [
      'has a piece twice',
      () => inPieces((piece, at) => (at === 1 ? [piece, piece] : [piece])),
      `wanted ${CONTENT.length} bytes, got more`,
    ],
    [
      'lacks a piece',
      () => inPieces((piece, at) => (at === 1 ? [] : [piece])),
      `wanted ${CONTENT.length} bytes, got ${CONTENT.length - MIB}`,
    ],
    [
      'has its pieces in another order',
      () =>
        inPieces((piece, at) => [[CONTENT.subarray(MIB, 2 * MIB), CONTENT.subarray(0, MIB)][at] ?? piece]),
      `wanted digest ${DIGEST}, got sha256:`,
    ],
  ];

  test.each(cases)('is refused when it %s, and never read as a whole', async (_, send, why) => {
    daemon.send = send;
    const { bytes, error } = await drain(open());
    expect(error).toMatchObject({ code: 'CONTENT_MISMATCH', name: 'ContainerdError', retriable: false });
    expect(String(error)).toContain(`Cannot read ${DIGEST} from containerd: ${why}`);
    expect(bytes.length).toBeLessThan(CONTENT.length);
  });
});

describe('a reading that breaks', () => {
  test.each([
    ['the content goes away', status.NOT_FOUND, 'NOT_FOUND'],
    ['the daemon stops', status.UNAVAILABLE, 'INTERRUPTED'],
    ['the disk fails', status.UNKNOWN, 'REFUSED'],
    ['the daemon gives up', status.CANCELLED, 'INTERRUPTED'],
  ])('because %s says so', async (_, code, wanted) => {
    daemon.send = function* () {
      yield CONTENT.subarray(0, MIB);
      throw refusal(code, 'input/output error');
    };
    const { bytes, error } = await drain(open());
    expect(error).toMatchObject({ code: wanted });
    expect(bytes.length).toBeLessThan(CONTENT.length);
  });

  test('because the daemon was killed says so', async () => {
    daemon.send = async function* () {
      yield CONTENT.subarray(0, MIB);
      daemon.stop();
      yield CONTENT.subarray(MIB);
    };
    const { error } = await drain(open());
    expect(error).toMatchObject({ code: 'INTERRUPTED', retriable: true });
  });

  test('because the content is shorter than was said says so', async () => {
    const { bytes, error } = await drain(open(CONTENT.length + 1));
    expect(error).toMatchObject({ code: 'CONTENT_MISMATCH' });
    expect(bytes.length).toBe(0);
  });

  test('because there is no such content says so', async () => {
    const { error } = await drain(open(1, digestOf(Buffer.from('x'))));
    expect(error).toMatchObject({ code: 'NOT_FOUND', retriable: false });
  });

  test('because it was stopped ends the call', async () => {
    const stopping = new AbortController();
    const ended = Promise.withResolvers<void>();
    daemon.send = async function* () {
      try {
        yield CONTENT.subarray(0, MIB);
        stopping.abort(new Error('enough'));
        await new Promise((resolve) => setTimeout(resolve));
        for (;;) yield Buffer.alloc(MIB);
      } finally {
        ended.resolve();
      }
    };
    const { error } = await drain(open(CONTENT.length, DIGEST, stopping.signal));
    expect(error).toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    await ended.promise;
  });

  test('before it began says so', async () => {
    const { error } = await drain(open(CONTENT.length, DIGEST, AbortSignal.abort()));
    expect(error).toMatchObject({ code: 'ABORTED' });
  });

  test('because its reader went away ends the call', async () => {
    const ended = Promise.withResolvers<void>();
    daemon.send = async function* () {
      try {
        for (let sent = 0; sent < 1024; sent += 1) yield Buffer.alloc(MIB);
      } finally {
        ended.resolve();
      }
    };
    const stream = open(1024 * MIB);
    await once(stream, 'readable');
    stream.destroy();
    await ended.promise;
    expect(daemon.sent).toBeLessThan(64 * MIB);
  });
});

describe('a manifest', () => {
  test('is read whole', async () => {
    await expect(store.readManifest(DIGEST, never)).resolves.toEqual(CONTENT);
  });

  test('over the limit is not read', async () => {
    const giant = Buffer.alloc(LARGEST_MANIFEST + 1, ' ');
    daemon.namespace().content.set(digestOf(giant), giant);
    const reading = store.readManifest(digestOf(giant), never);
    await expect(reading).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await expect(reading).rejects.toThrow(`wanted at most ${LARGEST_MANIFEST} bytes, got ${giant.length}`);
    expect(daemon.count('Content.Read')).toBe(0);
  });

  test('that is larger than was said is not read to its end', async () => {
    daemon.send = function* () {
      for (;;) yield Buffer.alloc(MIB);
    };
    await expect(store.readManifest(DIGEST, never)).rejects.toMatchObject({ code: 'CONTENT_MISMATCH' });
    expect(daemon.sent).toBeLessThanOrEqual(64 * MIB);
  });

  test('that is not there says so', async () => {
    const digest = digestOf(Buffer.from('x'));
    await expect(store.readManifest(digest, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test.each([-1, 2 ** 53, NaN])('of %d bytes is no manifest', async (size) => {
    daemon.answers.set('Content.Info', ({ digest }) => ({ info: { digest, size } }));
    await expect(store.readManifest(DIGEST, never)).rejects.toMatchObject({
      name: 'ContainerdError',
    });
  });
});
