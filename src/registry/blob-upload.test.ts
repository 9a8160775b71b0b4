import { Readable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { withHeaders } from '../../test/fakes/edit.ts';
import type { Fault } from '../../test/fakes/fault.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, type StageClientOptions, useStage } from '../../test/fakes/stage.ts';
import { type MadeBlob, makeBlob } from '../../test/images/layer.ts';
import { randomBytes } from '../../test/images/random-bytes.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_LAYER } from '../image/media-type.ts';
import { RegistryError, type RegistryErrorCode } from './registry-error.ts';
import type { Repository } from './repository.ts';

const stage = useStage();
afterEach(() => vi.useRealTimers());

const small = blobOf(1, 1000);
const other = blobOf(2, 1000);
/** More than is read into memory before it is sent. */
const large = blobOf(3, 1_000_000);
const ana = { kind: 'basic', username: 'ana', password: 'a' } as const;

function blobOf(seed: number, size: number): MadeBlob & { bytes: Buffer } {
  const bytes = Buffer.concat([...randomBytes(seed, size)]);
  return { ...makeBlob(bytes, OCI_LAYER), bytes };
}

interface Scene {
  readonly registry: ScriptedRegistry;
  readonly app: Repository;
}

async function scene(options: RegistryOptions = {}, client: StageClientOptions = {}): Promise<Scene> {
  const registry = await stage.registry(options);
  return { registry, app: stage.repository(registry, 'app', client) };
}

/** Pushes, and counts how often the source was opened. */
async function push(
  app: Repository,
  { descriptor, open }: MadeBlob,
  options: { mountFrom?: string; force?: boolean; signal?: AbortSignal } = {},
): Promise<{ how: string; opened: number }> {
  const { signal = never, ...rest } = options;
  let opened = 0;
  async function counted(): Promise<Readable> {
    opened += 1;
    return open();
  }
  return { how: await app.push(descriptor, counted, signal, rest), opened };
}

/** `POST 202`, and `mount` where it was one. */
function requests(registry: ScriptedRegistry): string[] {
  return registry.requests().map(({ method, status, query }) => {
    const from = query.get('from');
    return `${method}${from === null ? '' : ` from ${from}`} ${status}`;
  });
}

const PUT_BLOB = /uploads\/.*digest=/;

describe('a blob that is absent', () => {
  test.each([
    ['small', small],
    ['large', large],
  ])('is sent in two requests, %s', async (_name, blob) => {
    const { registry, app } = await scene();
    expect(await push(app, blob)).toEqual({ how: 'pushed', opened: 1 });
    expect(requests(registry)).toEqual(['POST from app 202', 'PUT 201']);
    expect(registry.blob('app', blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  });

  test('is sent with its length, never in chunks of unknown number', async () => {
    const { registry, app } = await scene();
    await push(app, large);
    const [begin, put] = registry.requests();
    expect(begin?.headers).toMatchObject({ 'content-length': '0' });
    expect(put?.headers).toMatchObject({
      'content-length': '1000000',
      'content-type': 'application/octet-stream',
    });
    expect(put?.headers).not.toHaveProperty('transfer-encoding');
  });

  test('of no bytes at all is sent as well', async () => {
    const { registry, app } = await scene();
    const empty = makeBlob(Buffer.alloc(0), OCI_LAYER);
    expect(await push(app, empty)).toEqual({ how: 'pushed', opened: 1 });
    expect(registry.requests('PUT')[0]?.headers).toMatchObject({ 'content-length': '0' });
    expect(registry.requests('PUT')[0]?.headers).not.toHaveProperty('transfer-encoding');
    expect(registry.blob('app', empty.descriptor.digest)).toHaveLength(0);
  });

  test('is opened only when the registry is ready to take it: a stream that waits is cut', async () => {
    const { registry, app } = await scene();
    const before: string[][] = [];
    await app.push(
      large.descriptor,
      async () => {
        before.push(requests(registry));
        return large.open();
      },
      never,
    );
    expect(before).toEqual([['POST from app 202']]);
  });
});

describe('a blob that is there', () => {
  test('is found by a mount from the repository into itself, in one request', async () => {
    const { registry, app } = await scene();
    registry.putBlob('app', small.bytes);
    expect(await push(app, small)).toEqual({ how: 'present', opened: 0 });
    expect(requests(registry)).toEqual(['POST from app 201']);
  });

  test('is sent all the same when it is forced', async () => {
    const { registry, app } = await scene();
    registry.putBlob('app', small.bytes);
    expect(await push(app, small, { force: true })).toEqual({ how: 'pushed', opened: 1 });
    expect(requests(registry)).toEqual(['POST 202', 'PUT 201']);
  });
});

describe('a registry that refuses mounts', () => {
  test.each([400, 403, 405])('with %i is asked by HEAD, now and from then on', async (status) => {
    const { registry, app } = await scene({
      faults: [{ method: 'POST', path: /mount=/, answer: refusal(status, 'UNSUPPORTED') }],
    });
    expect(await push(app, small)).toEqual({ how: 'pushed', opened: 1 });
    expect(await push(app, small)).toEqual({ how: 'present', opened: 0 });
    expect(requests(registry)).toEqual([
      `POST from app ${status}`,
      'HEAD 404',
      'POST 202',
      'PUT 201',
      'HEAD 200',
    ]);
  });

  test.each([404, 500])('with %i may take the next one', async (status) => {
    const { registry, app } = await scene({
      faults: [
        { method: 'POST', path: /mount=/, times: status === 500 ? 5 : 1, answer: refusal(status, 'UNKNOWN') },
      ],
    });
    await push(app, small);
    expect(await push(app, small)).toEqual({ how: 'present', opened: 0 });
    expect(requests(registry).slice(-4)).toEqual(['HEAD 404', 'POST 202', 'PUT 201', 'POST from app 201']);
  });

  test.each([400, 404])('with %i because it does not know the blob is sent it', async (status) => {
    const { registry, app } = await scene({
      faults: [{ method: 'POST', path: /mount=/, answer: refusal(status, 'BLOB_UNKNOWN') }],
    });
    expect(await push(app, small)).toEqual({ how: 'pushed', opened: 1 });
    expect(requests(registry)).toEqual([`POST from app ${status}`, 'HEAD 404', 'POST 202', 'PUT 201']);
  });

  test.each([403, 405])('and says %i to HEAD is sent the blob', async (status) => {
    const { registry, app } = await scene({
      faults: [
        { method: 'POST', path: /mount=/, answer: refusal(400, 'UNSUPPORTED') },
        { method: 'HEAD', path: /blobs/, answer: refusal(status, 'DENIED') },
      ],
    });
    expect((await push(app, small)).how).toBe('pushed');
    expect(requests(registry)).toEqual(['POST from app 400', `HEAD ${status}`, 'POST 202', 'PUT 201']);
  });

  test('and every push as well says so', async () => {
    const { registry, app } = await scene({
      faults: [{ method: 'POST', path: /uploads/, answer: refusal(403, 'DENIED') }],
    });
    await expect(push(app, small)).rejects.toMatchObject({
      code: 'DENIED',
      operation: `push blob ${small.descriptor.digest} to ${registry.host}/app`,
    });
  });

  test('because it has no such repository says so', async () => {
    const { registry, app } = await scene({
      faults: [{ method: 'POST', path: /uploads/, answer: refusal(404, 'NAME_UNKNOWN') }],
    });
    await expect(push(app, small)).rejects.toMatchObject({ code: 'NOT_FOUND', retriable: false });
    expect(requests(registry)).toEqual(['POST from app 404', 'HEAD 404', 'POST 404']);
  });
});

describe('a registry that opens a session for what it has', () => {
  test('is found out at a blob that is known to be there, and asked by HEAD from then on', async () => {
    const { registry, app } = await scene({ traits: { mounts: false } });
    registry.putBlob('app', small.bytes);
    registry.putBlob('app', other.bytes);
    expect(await push(app, small, { mountFrom: 'app' })).toEqual({ how: 'present', opened: 0 });
    expect(await push(app, other)).toEqual({ how: 'present', opened: 0 });
    expect(requests(registry)).toEqual(['POST from app 202', 'HEAD 200', 'DELETE 204', 'HEAD 200']);
    expect(registry.openUploads()).toBe(0);
  });

  test('is sent a blob that was known to be there and is gone, in the session that is open', async () => {
    const { registry, app } = await scene({ traits: { mounts: false } });
    expect(await push(app, small, { mountFrom: 'app' })).toEqual({ how: 'pushed', opened: 1 });
    expect(requests(registry)).toEqual(['POST from app 202', 'HEAD 404', 'PUT 201']);
  });

  test('is sent what nobody knows to be there', async () => {
    const { registry, app } = await scene({ traits: { mounts: false } });
    registry.putBlob('app', small.bytes);
    expect((await push(app, small)).how).toBe('pushed');
    expect(requests(registry)).toEqual(['POST from app 202', 'PUT 201']);
  });
});

describe('a blob in another repository of the registry', () => {
  test('is mounted, in one request', async () => {
    const { registry, app } = await scene();
    registry.putBlob('base', small.bytes);
    expect(await push(app, small, { mountFrom: 'base' })).toEqual({ how: 'mounted', opened: 0 });
    expect(requests(registry)).toEqual(['POST from base 201']);
    expect(registry.blob('app', small.descriptor.digest)).toEqual(small.bytes);
  });

  test('that is gone from there is sent in the session that is open', async () => {
    const { registry, app } = await scene();
    expect(await push(app, small, { mountFrom: 'base' })).toEqual({ how: 'pushed', opened: 1 });
    expect(requests(registry)).toEqual(['POST from base 202', 'PUT 201']);
  });

  test.each([400, 401, 403])('is not asked for again where that is refused with %i', async (status) => {
    const { registry, app } = await scene({
      faults: [{ method: 'POST', path: /from=base/, answer: refusal(status, 'DENIED') }],
    });
    expect((await push(app, small, { mountFrom: 'base' })).how).toBe('pushed');
    expect((await push(app, other, { mountFrom: 'base' })).how).toBe('pushed');
    expect(requests(registry)).toEqual([
      `POST from base ${status}`,
      // Without a challenge that of /v2/ is looked for.
      ...(status === 401 ? ['GET 200'] : []),
      'POST from app 202',
      'PUT 201',
      'POST from app 202',
      'PUT 201',
    ]);
  });

  test('needs a token for both; where none is given for the other, the push goes on with its own', async () => {
    const tokens = await stage.tokens({ accounts: [{ ...ana, repositories: /^app$/ }] });
    const { registry, app } = await scene(
      { auth: { bearer: tokens } },
      { credentials: [ana, { ...ana, password: 'old' }] },
    );
    registry.putBlob('base', small.bytes);
    expect((await push(app, small, { mountFrom: 'base' })).how).toBe('pushed');
    expect((await push(app, other)).how).toBe('pushed');
    expect(tokens.requests()[0]?.query.getAll('scope')).toEqual([
      'repository:app:pull,push',
      'repository:base:pull',
    ]);
  });
});

describe('an upload that is refused in the middle of its body', () => {
  test('with 401 goes on with a new token, a new session and a new stream', async () => {
    const tokens = await stage.tokens({ accounts: [ana] });
    const { registry, app } = await scene({ auth: { bearer: tokens } }, { credentials: [ana] });
    registry.play({
      method: 'PUT',
      path: PUT_BLOB,
      nth: 1,
      answerAfterRequestBytes: 1,
      answer: refusal(401, 'UNAUTHORIZED'),
    });
    expect(await push(app, large)).toEqual({ how: 'pushed', opened: 2 });
    expect(registry.openUploads()).toBe(0);
    expect(registry.blob('app', large.descriptor.digest)).toHaveLength(large.bytes.length);
  });

  test('with 413 fails at once, and its session is given back', async () => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, answerAfterRequestBytes: 1, answer: answer(413) }],
    });
    await expect(push(app, large)).rejects.toMatchObject({ code: 'TOO_LARGE', status: 413 });
    expect(requests(registry)).toEqual(['POST from app 202', 'PUT 413', 'DELETE 204']);
    expect(registry.openUploads()).toBe(0);
  });

  test('with 507 fails after three tries, and no session is left', async () => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, answerAfterRequestBytes: 1, answer: answer(507) }],
    });
    await expect(push(app, large)).rejects.toMatchObject({ code: 'UNAVAILABLE', status: 507 });
    expect(registry.requests('PUT')).toHaveLength(3);
    expect(registry.openUploads()).toBe(0);
  });

  test('by a reset goes on with a new session and a new stream', async () => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, nth: 1, cutAfterRequestBytes: 100_000 }],
    });
    expect(await push(app, large)).toEqual({ how: 'pushed', opened: 2 });
    expect(registry.openUploads()).toBe(0);
  });

  test('by a reset each time is the fault of the registry', async () => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, cutAfterRequestBytes: 100_000 }],
    });
    await expect(push(app, large)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      operation: expect.stringContaining(`to ${registry.host}/app`),
    });
    expect([registry.requests('PUT').length, registry.openUploads()]).toEqual([3, 0]);
  });
});

describe('a session that is no good any more', () => {
  test.each([
    ['used up', refusal(404, 'BLOB_UPLOAD_UNKNOWN')],
    ['of another opinion about the offset', refusal(416, 'RANGE_INVALID')],
    ['invalid', refusal(400, 'BLOB_UPLOAD_INVALID')],
    ['of bytes that did not add up', refusal(400, 'DIGEST_INVALID')],
  ])('%s: everything starts again at POST, with a stream of its own', async (_name, scripted) => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, nth: 1, answer: scripted }],
    });
    expect(await push(app, small)).toEqual({ how: 'pushed', opened: 2 });
    expect(requests(registry)).toEqual([
      'POST from app 202',
      `PUT ${scripted.status}`,
      'DELETE 204',
      'HEAD 404',
      'POST 202',
      'PUT 201',
    ]);
    const [first, second] = registry.requests('PUT');
    expect(first?.path).not.toBe(second?.path);
  });

  test('because somebody else has finished the same blob is no fault', async () => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, nth: 1, answer: refusal(400, 'BLOB_UPLOAD_INVALID') }],
    });
    const pushing = app.push(
      small.descriptor,
      async () => {
        registry.putBlob('app', small.bytes);
        return small.open();
      },
      never,
    );
    expect(await pushing).toBe('present');
    expect(registry.openUploads()).toBe(0);
  });

  test('is not taken for that when the blob is forced', async () => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, nth: 1, answer: refusal(400, 'BLOB_UPLOAD_INVALID') }],
    });
    registry.putBlob('app', small.bytes);
    expect((await push(app, small, { force: true })).how).toBe('pushed');
    expect(registry.requests('HEAD')).toEqual([]);
  });
});

describe('an answer other than 201', () => {
  test.each([200, 202, 204])('%i is believed when the blob is there', async (status) => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, edit: (got) => ({ ...got, status }) }],
    });
    expect((await push(app, small)).how).toBe('pushed');
    expect(requests(registry).slice(1)).toEqual([`PUT ${status}`, 'HEAD 200']);
  });

  test.each([200, 202, 204])('%i is not believed when it is not', async (status) => {
    const { registry, app } = await scene({
      faults: [{ method: 'PUT', path: PUT_BLOB, answer: answer(status) }],
    });
    await expect(push(app, small)).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(registry.openUploads()).toBe(0);
  });

  test('201 for another digest is not believed: distribution 2 stores sha512 as sha256', async () => {
    const { registry, app } = await scene({ traits: { sha256Only: true } });
    const descriptor = { ...small.descriptor, digest: digestOf(small.bytes, 'sha512') };
    await expect(push(app, { ...small, descriptor })).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('under that digest'),
    });
    expect(registry.requests('HEAD', /sha512/)).toHaveLength(1);
  });

  test('sha512 is kept where the registry can', async () => {
    const { registry, app } = await scene();
    const descriptor = { ...small.descriptor, digest: digestOf(small.bytes, 'sha512') };
    expect((await push(app, { ...small, descriptor })).how).toBe('pushed');
    expect(registry.blob('app', descriptor.digest)).toEqual(small.bytes);
  });
});

function fault(code: RegistryErrorCode): RegistryError {
  return new RegistryError('scripted', { code, operation: 'read blob' });
}

describe('a source that fails', () => {
  /** The first half of the blob, then an error. */
  function broken(error: Error, blob = large): Readable {
    const half = blob.bytes.subarray(0, blob.bytes.length / 2);
    return Readable.from(
      (function* () {
        yield half;
        throw error;
      })(),
      { objectMode: false },
    );
  }

  test.each([fault('NOT_FOUND'), fault('UNREACHABLE'), new Error('disk')])(
    'to open is not asked twice: its own side has tried, %s',
    async (error) => {
      const { registry, app } = await scene();
      async function open(): Promise<Readable> {
        throw error;
      }
      await expect(app.push(large.descriptor, open, never)).rejects.toBe(error);
      expect(requests(registry)).toEqual(['POST from app 202', 'DELETE 204']);
      expect(registry.openUploads()).toBe(0);
    },
  );

  test('to open with something else than the blob is asked again', async () => {
    const { registry, app } = await scene();
    let opened = 0;
    async function open(): Promise<Readable> {
      opened += 1;
      if (opened === 1) throw fault('CONTENT_MISMATCH');
      return large.open();
    }
    expect(await app.push(large.descriptor, open, never)).toBe('pushed');
    expect([opened, registry.openUploads()]).toEqual([2, 0]);
  });

  test.each([
    ['UNREACHABLE', large],
    ['TIMEOUT', large],
    ['CONTENT_MISMATCH', large],
    ['CONTENT_MISMATCH', small],
  ] as const)('on the way with %s is opened anew, with a new session', async (code, blob) => {
    const { registry, app } = await scene();
    const streams = [broken(fault(code), blob), blob.open()];
    await app.push(blob.descriptor, async () => streams.shift() ?? blob.open(), never);
    expect([streams.length, registry.openUploads()]).toEqual([0, 0]);
    expect(registry.blob('app', blob.descriptor.digest)).toHaveLength(blob.bytes.length);
  });

  test('each time fails with its own error after three tries, and leaves nothing', async () => {
    const { registry, app } = await scene();
    const error = fault('CONTENT_MISMATCH');
    await expect(app.push(large.descriptor, async () => broken(error), never)).rejects.toBe(error);
    expect([registry.requests('POST').length, registry.openUploads()]).toEqual([3, 0]);
    expect(registry.blob('app', large.descriptor.digest)).toBeUndefined();
  });

  test("with an error that is no registry's is not opened again", async () => {
    const { registry, app } = await scene();
    const error = Object.assign(new Error('disk'), { code: 'EIO' });
    await expect(app.push(large.descriptor, async () => broken(error), never)).rejects.toBe(error);
    expect([registry.requests('POST').length, registry.openUploads()]).toEqual([1, 0]);
  });
});

describe('when the caller aborts', () => {
  test('in the middle of the body, the session is given back', async () => {
    const { registry, app } = await scene();
    const stop = new AbortController();
    const endless = new Readable({ read() {} });
    endless.push(large.bytes.subarray(0, 1000));
    const pushing = app
      .push(large.descriptor, async () => endless, stop.signal)
      .catch((error: unknown) => error);
    await registry.seen('PUT');
    stop.abort();
    expect(await pushing).toMatchObject({ code: 'ABORTED' });
    expect([registry.requests('DELETE').length, registry.openUploads()]).toEqual([1, 0]);
    expect(endless.destroyed).toBe(true);
  });

  test('while the session is opened, its answer is waited for, and the session given back', async () => {
    const { promise: held, resolve } = Promise.withResolvers<void>();
    const { registry, app } = await scene({ faults: [{ method: 'POST', path: /uploads/, wait: held }] });
    const stop = new AbortController();
    const pushing = app
      .push(small.descriptor, async () => small.open(), stop.signal)
      .catch((error: unknown) => error);
    await registry.seen('POST');
    stop.abort();
    resolve();
    expect(await pushing).toMatchObject({ code: 'ABORTED' });
    expect(requests(registry)).toEqual(['POST from app 202', 'DELETE 204']);
    expect(registry.openUploads()).toBe(0);
  });

  test('before anything was sent, nothing is', async () => {
    const { registry, app } = await scene();
    await expect(push(app, small, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(registry.requests()).toEqual([]);
  });

  test('between two tries, no third is made', async () => {
    const stop = new AbortController();
    const { registry, app } = await scene({}, { firstPauseMs: 1_000_000 });
    registry.play({ method: 'PUT', path: PUT_BLOB, answer: refusal(503, 'UNAVAILABLE') });
    const pushing = push(app, small, { signal: stop.signal }).catch((error: unknown) => error);
    await registry.seen('DELETE');
    stop.abort();
    expect(await pushing).toMatchObject({ code: expect.stringMatching(/ABORTED|UNAVAILABLE/) });
    expect(registry.requests('PUT')).toHaveLength(1);
  });
});

describe('giving a session back', () => {
  const denied: Fault = { method: 'PUT', path: PUT_BLOB, answer: refusal(403, 'DENIED') };

  test('asks for the right to delete, which distribution wants for it', async () => {
    const tokens = await stage.tokens({ accounts: [ana] });
    const { registry, app } = await scene(
      { auth: { bearer: tokens }, faults: [denied] },
      { credentials: [ana] },
    );
    await expect(push(app, small)).rejects.toMatchObject({ code: 'DENIED' });
    expect(tokens.grants().at(-1)).toEqual(['repository:app:delete']);
    expect(registry.openUploads()).toBe(0);
  });

  test.each([
    ['forbidden', { answer: refusal(403, 'DENIED') }],
    ['unsupported', { answer: refusal(405, 'UNSUPPORTED') }],
  ])('is done once and does not hide why it came to that: %s', async (_name, play) => {
    const { registry, app } = await scene({ faults: [denied, { method: 'DELETE', path: /./, ...play }] });
    await expect(push(app, small)).rejects.toMatchObject({
      code: 'DENIED',
      operation: expect.stringContaining('push blob'),
    });
    expect(registry.requests('DELETE')).toHaveLength(1);
  });

  test.each([
    ['cut off', { cutAfterRequestBytes: 0 }],
    ['not now', { answer: refusal(503, 'UNAVAILABLE') }],
  ])('is tried again when it is %s', async (_name, play) => {
    const { registry, app } = await scene({
      faults: [denied, { method: 'DELETE', path: /./, nth: 1, ...play }],
    });
    await expect(push(app, small)).rejects.toMatchObject({ code: 'DENIED' });
    expect([registry.requests('DELETE').length, registry.openUploads()]).toEqual([2, 0]);
  });

  test('follows it to where it went on: what was written has moved it', async () => {
    const moved = answer(204, { location: '/moved?_state=2' });
    const { registry, app } = await scene({
      faults: [
        denied,
        { method: 'DELETE', path: /moved/, answer: answer(204) },
        { method: 'DELETE', path: /uploads/, answer: refusal(416, 'RANGE_INVALID') },
        { method: 'GET', path: /uploads/, answer: moved },
      ],
    });
    await expect(push(app, small)).rejects.toMatchObject({ code: 'DENIED' });
    expect(requests(registry).slice(-3)).toEqual(['DELETE 416', 'GET 204', 'DELETE 204']);
    expect(registry.requests('DELETE', /moved/)).toHaveLength(1);
  });

  test.each([
    ['used up', refusal(404, 'BLOB_UPLOAD_UNKNOWN'), refusal(404, 'BLOB_UPLOAD_UNKNOWN'), 2],
    ['nowhere', refusal(416, 'RANGE_INVALID'), answer(204), 2],
    ['moving all the time', refusal(416, 'RANGE_INVALID'), answer(204, { location: '?_state=x' }), 6],
    ['not to be asked for', refusal(416, 'RANGE_INVALID'), refusal(403, 'DENIED'), 2],
  ])('ends when it is %s', async (_name, gone, where, asked) => {
    const { registry, app } = await scene({
      faults: [
        denied,
        { method: 'DELETE', path: /./, answer: gone },
        { method: 'GET', path: /./, answer: where },
      ],
    });
    await expect(push(app, small)).rejects.toMatchObject({ code: 'DENIED' });
    expect(registry.requests('DELETE').length + registry.requests('GET').length).toBe(asked);
  });

  test('does not cost the credential for the next push when it is refused', async () => {
    const tokens = await stage.tokens({ accounts: [ana] });
    const { registry, app } = await scene(
      {
        auth: { bearer: tokens },
        faults: [
          { ...denied, nth: 1 },
          { method: 'DELETE', path: /./, answer: refusal(401, 'UNAUTHORIZED') },
        ],
      },
      { credentials: [ana, { ...ana, password: 'old' }] },
    );
    await expect(push(app, small)).rejects.toMatchObject({ code: 'DENIED' });
    expect((await push(app, small)).how).toBe('pushed');
    expect(registry.blob('app', small.descriptor.digest)).toBeDefined();
  });
});

describe('a token that runs out', () => {
  test('while the source is opened is renewed before the PUT', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const tokens = await stage.tokens({ accounts: [ana], expiresIn: 60 });
    const { registry, app } = await scene({ auth: { bearer: tokens } }, { credentials: [ana] });
    await app.push(
      large.descriptor,
      async () => {
        vi.advanceTimersByTime(55_000);
        tokens.expire();
        return large.open();
      },
      never,
    );
    expect(requests(registry)).toEqual(['POST from app 401', 'POST from app 202', 'PUT 201']);
  });

  test('and cannot be had again gives up the stream that waits for it', async () => {
    let lost = false;
    const { app } = await scene(
      { auth: { basic: ana } },
      {
        findCredentials: async () => {
          if (lost) throw new Error('the file is gone');
          return [ana];
        },
      },
    );
    const stream = large.open();
    async function open(): Promise<Readable> {
      lost = true;
      return stream;
    }
    await expect(app.push(large.descriptor, open, never)).rejects.toThrow('the file is gone');
    expect(stream.destroyed).toBe(true);
  });

  test('unforeseen before a small blob costs no second session', async () => {
    const tokens = await stage.tokens({ accounts: [ana] });
    const { registry, app } = await scene({ auth: { bearer: tokens } }, { credentials: [ana] });
    await app.push(
      small.descriptor,
      async () => {
        tokens.expire();
        return small.open();
      },
      never,
    );
    expect(requests(registry)).toEqual(['POST from app 401', 'POST from app 202', 'PUT 401', 'PUT 201']);
  });
});

describe("a digest in the middle of the registry's parameters", () => {
  test('is sent once', async () => {
    const { registry, app } = await scene();
    registry.play({
      method: 'POST',
      path: /uploads/,
      edit: (got) =>
        withHeaders({
          location: `${String(got.headers['location'])}&digest=${encodeURIComponent(small.descriptor.digest)}`,
        })(got),
    });
    expect((await push(app, small)).how).toBe('pushed');
    expect(registry.requests('PUT')[0]?.query.getAll('digest')).toEqual([small.descriptor.digest]);
  });
});
