import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { answer, redirect, refusal } from '../../test/fakes/answer.ts';
import {
  chunkedBody,
  flippedBody,
  gzippedBody,
  longBody,
  shortBody,
  withHeaders,
  withoutHeaders,
} from '../../test/fakes/edit.ts';
import type { Fault } from '../../test/fakes/fault.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { randomBytes } from '../../test/images/random-bytes.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_LAYER } from '../image/media-type.ts';
import type { Repository } from './repository.ts';

const stage = useStage();
afterEach(() => vi.useRealTimers());

const content = Buffer.concat([...randomBytes(1, 300_000)]);
const descriptor: Descriptor = { mediaType: OCI_LAYER, digest: digestOf(content), size: content.length };
const BLOB = /\/blobs\/sha256/;

interface Scene {
  readonly registry: ScriptedRegistry;
  readonly app: Repository;
}

async function holding(
  fault: Omit<Fault, 'path'> | undefined,
  options: RegistryOptions = {},
): Promise<Scene> {
  const faults = fault === undefined ? [] : [{ method: 'GET', path: BLOB, ...fault }];
  const registry = await stage.registry({ ...options, faults });
  registry.putBlob('app', content);
  return { registry, app: stage.repository(registry, 'app', { actions: 'pull' }) };
}

/** @returns the digest of what came */
async function read(app: Repository): Promise<string> {
  return digestOf(await buffer(await app.fetch(descriptor, never)));
}

function ranges(registry: ScriptedRegistry): (string | undefined)[] {
  return registry.requests('GET', BLOB).map(({ headers }) => headers.range);
}

describe('a blob', () => {
  test('is read as it is, in one request that asks for no other encoding', async () => {
    const { registry, app } = await holding(undefined);
    expect(await read(app)).toBe(descriptor.digest);
    expect(registry.requests().map(({ headers }) => headers['accept-encoding'])).toEqual(['identity']);
  });

  test('may come without a length', async () => {
    const { app } = await holding({ edit: chunkedBody });
    expect(await read(app)).toBe(descriptor.digest);
  });

  test('is followed to where it is stored, and the registry is told who asks, the store is not', async () => {
    const store = await stage.listen(() => answer(200, {}, content));
    const { registry, app } = await holding({ answer: redirect(307, `${store.url}/signed?sig=1`) });
    expect(await read(app)).toBe(descriptor.digest);
    expect([registry.requests().length, store.requests().length]).toEqual([1, 1]);
  });

  test('that is not there is said to be so', async () => {
    const { app } = await holding(undefined);
    const absent = { ...descriptor, digest: digestOf(Buffer.from('absent')) };
    await expect(app.fetch(absent, never)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`read blob ${absent.digest}`),
    });
  });

  test.each([
    ['503', { answer: refusal(503, 'UNAVAILABLE') }],
    ['429', { answer: refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '0' }) }],
    ['a reset', { cutAfterRequestBytes: 0 }],
  ])('is asked for again after %s', async (_name, play) => {
    const { registry, app } = await holding({ times: 2, ...play });
    expect(await read(app)).toBe(descriptor.digest);
    expect(registry.requests()).toHaveLength(3);
  });
});

describe('a blob that is not what it should be', () => {
  test.each([
    ['shorter by its header', shortBody(1), 'wanted 300000 bytes, got 299999'],
    ['longer by its header', longBody(1), 'wanted 300000 bytes, got 300001'],
    ['compressed on the way', gzippedBody, 'Content-Encoding "gzip"'],
    [
      'compressed on the way, without a length',
      (got) => chunkedBody(gzippedBody(got)),
      'Content-Encoding "gzip"',
    ],
  ] satisfies [string, Fault['edit'], string][])('%s is not even opened', async (_name, edit, message) => {
    const { registry, app } = await holding({ edit });
    await expect(app.fetch(descriptor, never)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
      message: expect.stringContaining(message),
    });
    expect(registry.requests()).toHaveLength(1);
  });

  test.each([
    ['shorter', (got) => chunkedBody(shortBody(1)(got)), 'wanted 300000 bytes, got 299999'],
    ['longer', (got) => chunkedBody(longBody(1)(got)), 'got more'],
    ['other bytes', flippedBody, 'wanted digest'],
  ] satisfies [string, Fault['edit'], string][])('%s fails before its end', async (_name, edit, message) => {
    const { app } = await holding({ edit });
    const { bytes, error } = await drainOf(await app.fetch(descriptor, never));
    expect(error).toMatchObject({ code: 'CONTENT_MISMATCH', message: expect.stringContaining(message) });
    expect(bytes).toBeLessThan(content.length);
  });

  test('a layer that its store calls "gzip" because it is one is taken as it is', async () => {
    const { app } = await holding({ edit: withHeaders({ 'content-encoding': 'gzip' }) });
    expect(await read(app)).toBe(descriptor.digest);
  });
});

describe('a blob that breaks off', () => {
  test('goes on where it broke, by a range', async () => {
    const { registry, app } = await holding({ nth: 1, cutAfterResponseBytes: 100_000 });
    expect(await read(app)).toBe(descriptor.digest);
    expect(ranges(registry)).toEqual([undefined, 'bytes=100000-']);
  });

  test('goes on again and again, three times', async () => {
    const { registry, app } = await holding({ nth: 1, times: 3, cutAfterResponseBytes: 50_000 });
    expect(await read(app)).toBe(descriptor.digest);
    expect(ranges(registry)).toEqual([undefined, 'bytes=50000-', 'bytes=100000-', 'bytes=150000-']);
  });

  test('asks the registry again and not the store, whose signed URL may have run out', async () => {
    const store = await stage.listen(
      ({ headers }) => {
        const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
        const range = { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
        return from === 0 ? answer(200, {}, content) : answer(206, range, content.subarray(from));
      },
      { faults: [{ path: /./, nth: 1, cutAfterResponseBytes: 100_000 }] },
    );
    let signature = 0;
    const registry = await stage.listen(() => redirect(307, `${store.url}/?sig=${(signature += 1)}`));
    expect(await read(stage.repository(registry, 'app'))).toBe(descriptor.digest);
    expect(store.requests().map(({ query }) => query.get('sig'))).toEqual(['1', '2']);
  });

  test('does not go on with a 200: it would be the beginning in the middle', async () => {
    const { registry, app } = await holding(
      { nth: 1, cutAfterResponseBytes: 100_000 },
      { traits: { ranges: false } },
    );
    await expect(read(app)).rejects.toMatchObject({ code: 'UNREACHABLE', retriable: true });
    expect(ranges(registry)).toEqual([undefined, 'bytes=100000-']);
  });

  test('does not go on with a 200 that claims to be the range', async () => {
    const { registry, app } = await holding(
      { nth: 1, cutAfterResponseBytes: 100_000 },
      { traits: { ranges: false } },
    );
    const edit = withHeaders({ 'content-range': 'bytes 100000-299999/300000' });
    registry.play({ path: BLOB, nth: 2, edit });
    await expect(read(app)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('is not asked for a range a second time where ranges are not served', async () => {
    const { registry, app } = await holding(
      { cutAfterResponseBytes: 100_000 },
      { traits: { ranges: false } },
    );
    await expect(read(app)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(read(app)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(ranges(registry)).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test.each([
    ['another start', 'bytes 0-299999/300000'],
    ['a later start', 'bytes 100001-299999/300000'],
    ['another total', 'bytes 100000-299999/300001'],
    ['an early end', 'bytes 100000-199999/300000'],
    ['nonsense', 'all of it'],
  ])('does not go on with a Content-Range of %s', async (_name, value) => {
    const { registry, app } = await holding({ nth: 1, cutAfterResponseBytes: 100_000 });
    registry.play({ path: BLOB, nth: 2, edit: withHeaders({ 'content-range': value }) });
    await expect(read(app)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('does not go on without a Content-Range', async () => {
    const { registry, app } = await holding({ nth: 1, cutAfterResponseBytes: 100_000 });
    registry.play({ path: BLOB, nth: 2, edit: withoutHeaders('content-range') });
    await expect(read(app)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('before its first byte is begun anew by whoever wants it', async () => {
    const { registry, app } = await holding({ nth: 1, cutAfterResponseBytes: 0 });
    await expect(read(app)).rejects.toMatchObject({ code: 'UNREACHABLE', retriable: true });
    expect(registry.requests()).toHaveLength(1);
  });

  test('and is gone then fails with that', async () => {
    const { registry, app } = await holding({ nth: 1, cutAfterResponseBytes: 100_000 });
    registry.play({ path: BLOB, nth: 2, answer: refusal(404, 'BLOB_UNKNOWN') });
    await expect(read(app)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('because the reader was told to stop is not opened again', async () => {
    const hung = new Promise(() => undefined);
    const { registry, app } = await holding({ pause: { afterBytes: 600_000, until: hung } });
    // More than is read at once: the last that was read is held back.
    const large = Buffer.concat([...randomBytes(2, 900_000)]);
    registry.putBlob('app', large);
    const stop = new AbortController();
    const stream = await app.fetch(
      { ...descriptor, digest: digestOf(large), size: large.length },
      stop.signal,
    );
    stream.once('data', () => stop.abort());
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(registry.requests()).toHaveLength(1);
  });
});

describe('a minimum rate', () => {
  test('ends a blob that comes byte by byte, and it is resumed where it was', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const hung = new Promise(() => undefined);
    const { registry, app } = await holding({ nth: 1, pause: { afterBytes: 10, until: hung } });
    const stream = await app.fetch(descriptor, never);
    const reading = buffer(stream);
    await expect.poll(() => vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(digestOf(await reading)).toBe(descriptor.digest);
    expect(ranges(registry)).toEqual([undefined, 'bytes=10-']);
  });
});

async function drainOf(stream: Readable): Promise<{ bytes: number; error: unknown }> {
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) bytes += chunk.length;
    return { bytes, error: undefined };
  } catch (error) {
    return { bytes, error };
  }
}
