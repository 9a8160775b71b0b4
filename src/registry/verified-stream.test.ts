import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { digestOf } from '../image/digest.ts';
import { OCI_LAYER } from '../image/media-type.ts';
import { RegistryError } from './registry-error.ts';
import { type Verification, VerifiedStream } from './verified-stream.ts';

afterEach(() => vi.useRealTimers());

const operation = 'read blob';

/** Expects `content`; whatever breaks stays broken. */
function expecting(content: Buffer, options: Partial<Verification> = {}): Verification {
  return {
    descriptor: { mediaType: OCI_LAYER, digest: digestOf(content), size: content.length },
    mismatch: (why) => new RegistryError(why, { code: 'CONTENT_MISMATCH', operation }),
    broken: (cause) => new RegistryError('broken', { code: 'UNREACHABLE', operation, cause }),
    resume: (_offset, cause) => Promise.reject(cause instanceof Error ? cause : new Error(String(cause))),
    ...options,
  };
}

/** A stream of these pieces that ends, or breaks with `error` after them. */
function streamOf(pieces: readonly Buffer[], error?: Error): Readable {
  return Readable.from(
    (function* () {
      yield* pieces;
      if (error !== undefined) throw error;
    })(),
    { objectMode: false },
  );
}

/** Everything that came out before the end or the error, as a reader sees it that never waits. */
function drainOf(stream: VerifiedStream): Promise<{ bytes: Buffer; error: unknown }> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    stream.once('error', (error) => resolve({ bytes: Buffer.concat(chunks), error }));
    stream.once('end', () => resolve({ bytes: Buffer.concat(chunks), error: undefined }));
  });
}

const content = Buffer.from('the content of a blob');
const pieces = [content.subarray(0, 5), content.subarray(5, 12), content.subarray(12)];

describe('right content', () => {
  test.each([
    ['in one piece', [content]],
    ['in several', pieces],
    ['byte by byte', [...content].map((byte) => Buffer.from([byte]))],
  ])('passes, %s', async (_name, source) => {
    expect(await buffer(new VerifiedStream(streamOf(source), expecting(content)))).toEqual(content);
  });

  test('passes when it is empty: a zero-byte blob has a digest, too', async () => {
    const empty = Buffer.alloc(0);
    expect(await buffer(new VerifiedStream(streamOf([]), expecting(empty)))).toEqual(empty);
  });

  test.each(['sha384', 'sha512'] as const)('passes by its %s', async (algorithm) => {
    const descriptor = { mediaType: OCI_LAYER, digest: digestOf(content, algorithm), size: content.length };
    expect(await buffer(new VerifiedStream(streamOf(pieces), expecting(content, { descriptor })))).toEqual(
      content,
    );
  });

  test('waits for its reader: no more than the buffer is taken from the source', async () => {
    const size = 8 * 1024 * 1024;
    const large = Buffer.alloc(size, 7);
    let taken = 0;
    const source = new Readable({
      read() {
        const next = large.subarray(taken, taken + 64 * 1024);
        taken += next.length;
        this.push(next.length === 0 ? null : next);
      },
    });
    const stream = new VerifiedStream(source, expecting(large));
    await expect.poll(() => source.isPaused()).toBe(true);
    expect(taken).toBeLessThan(2 * 1024 * 1024);
    expect(await buffer(stream)).toHaveLength(size);
  });
});

describe('wrong content fails before its last bytes are handed on', () => {
  test.each<[string, readonly Buffer[], string]>([
    ['short', pieces.slice(0, 2), 'wanted 21 bytes, got 12'],
    ['nothing', [], 'wanted 21 bytes, got 0'],
    ['long', [...pieces, Buffer.from('!')], 'wanted 21 bytes, got more'],
    ['long in one piece', [Buffer.concat([content, Buffer.from('!')])], 'wanted 21 bytes, got more'],
    ['of the right length', [Buffer.alloc(content.length, 'x')], 'wanted digest'],
    ['wrong at its end', [...pieces.slice(0, 2), Buffer.alloc(9, 'x')], 'wanted digest'],
  ])('%s', async (_name, source, message) => {
    const { bytes, error } = await drainOf(new VerifiedStream(streamOf(source), expecting(content)));
    expect(error).toMatchObject({ code: 'CONTENT_MISMATCH', message: expect.stringContaining(message) });
    expect(bytes.length).toBeLessThan(content.length);
  });

  test('whatever comes in whatever pieces, a reader that sees the end has the right bytes', async () => {
    const piece = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 6 }),
        fc.array(piece, { maxLength: 6 }),
        async (wanted, served) => {
          const right = Buffer.concat(wanted);
          const { bytes, error } = await drainOf(new VerifiedStream(streamOf(served), expecting(right)));
          const same = Buffer.concat(served).equals(right);
          expect([
            error === undefined,
            error === undefined ? bytes.equals(right) : bytes.length < Math.max(right.length, 1),
          ]).toEqual([same, true]);
        },
      ),
    );
  });
});

describe('a source that breaks', () => {
  const cut = new Error('cut');

  test('is opened again where it broke, unseen by the reader', async () => {
    const offsets: number[] = [];
    const verification = expecting(content, {
      resume: async (offset, cause) => {
        expect(cause).toBe(cut);
        offsets.push(offset);
        return streamOf([content.subarray(offset)]);
      },
    });
    const stream = new VerifiedStream(streamOf(pieces.slice(0, 2), cut), verification);
    expect(await buffer(stream)).toEqual(content);
    expect(offsets).toEqual([12]);
  });

  test('is opened again as well when it just goes away', async () => {
    const source = new Readable({ read() {} });
    source.push(pieces[0]);
    const verification = expecting(content, {
      resume: async (offset) => streamOf([content.subarray(offset)]),
    });
    const stream = new VerifiedStream(source, verification);
    source.once('data', () => source.destroy());
    expect(await buffer(stream)).toEqual(content);
  });

  test('is opened again three times at the most', async () => {
    let opened = 0;
    const verification = expecting(content, {
      resume: async (offset) => {
        opened += 1;
        return streamOf([content.subarray(offset, offset + 1)], cut);
      },
    });
    const { bytes, error } = await drainOf(new VerifiedStream(streamOf([], cut), verification));
    expect(error).toMatchObject({ code: 'UNREACHABLE', cause: cut });
    expect([opened, bytes.length < content.length]).toEqual([3, true]);
  });

  test('and cannot be opened again fails with the reason for that', async () => {
    const gone = new RegistryError('gone', { code: 'NOT_FOUND', operation });
    const verification = expecting(content, { resume: () => Promise.reject(gone) });
    const { error } = await drainOf(new VerifiedStream(streamOf(pieces.slice(0, 1), cut), verification));
    expect(error).toBe(gone);
  });

  test('is checked over the break: a part that belongs to something else does not pass', async () => {
    const verification = expecting(content, {
      resume: async (offset) => streamOf([Buffer.alloc(content.length - offset, 'x')]),
    });
    const { error } = await drainOf(new VerifiedStream(streamOf(pieces.slice(0, 1), cut), verification));
    expect(error).toMatchObject({ code: 'CONTENT_MISMATCH' });
  });
});

describe('a reader that goes away', () => {
  test('takes the source with it', () => {
    const source = streamOf(pieces);
    new VerifiedStream(source, expecting(content)).destroy();
    expect(source.destroyed).toBe(true);
  });

  test('takes the source with it that is opened again just then', async () => {
    const reopened = streamOf(pieces);
    const { promise: opening, resolve } = Promise.withResolvers<Readable>();
    const { promise: broken, resolve: breaks } = Promise.withResolvers<void>();
    const verification = expecting(content, {
      resume: () => {
        breaks();
        return opening;
      },
    });
    const stream = new VerifiedStream(streamOf([], new Error('cut')), verification);
    await broken;
    stream.destroy();
    resolve(reopened);
    await expect.poll(() => reopened.destroyed).toBe(true);
  });
});

describe('a source that sends a byte now and then', () => {
  test('counts as broken after half a minute, for it would hold its place for an hour', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const source = new Readable({ read() {} });
    const causes: unknown[] = [];
    const verification = expecting(content, {
      resume: async (offset, cause) => {
        causes.push(cause);
        return streamOf([content.subarray(offset)]);
      },
    });
    const reading = buffer(new VerifiedStream(source, verification));
    source.push(content.subarray(0, 1));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await reading).toEqual(content);
    expect(causes).toMatchObject([{ code: 'UND_ERR_BODY_TIMEOUT' }]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
