import { appendFile, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AskOptions, ask, type Got } from '../../test/fakes/ask.ts';
import { type RunningRegistry, startEmbedded } from '../../test/fakes/embedded.ts';
import { makeImage } from '../../test/images/image.ts';
import { pushImage, repositoryAt } from '../../test/images/push.ts';
import { type Digest, digestOf, hexOf } from '../image/digest.ts';
import { createEmbeddedRegistry } from './embedded-registry.ts';

let registry: RunningRegistry;
beforeAll(async () => {
  registry = await startEmbedded();
  await pushBlob('app', BYTES);
});
afterAll(() => registry.close());

const BYTES = Buffer.from('0123456789');
const digest = digestOf(BYTES);
const absent = digestOf(Buffer.from('absent'));

function send(line: string, options?: AskOptions): Promise<Got> {
  return ask(registry.url, line, options);
}

async function begin(repository: string): Promise<string> {
  const got = await send(`POST /v2/${repository}/blobs/uploads/`);
  expect(got.status).toBe(202);
  return String(got.headers.location);
}

async function pushBlob(repository: string, bytes: Buffer, wanted: Digest = digestOf(bytes)): Promise<Got> {
  return send(`PUT ${await begin(repository)}?digest=${wanted}`, { body: bytes });
}

/** Codes of the errors of an answer. */
function codesOf({ body }: Got): unknown {
  return JSON.parse(body.toString()).errors.map(({ code }: { code: string }) => code);
}

async function uploads(): Promise<readonly string[]> {
  return readdir(join(registry.dir, '_uploads'));
}

describe('reading', () => {
  test('a blob is served whole', async () => {
    const got = await send(`GET /v2/app/blobs/${digest}`);
    expect(got).toMatchObject({ status: 200, body: BYTES });
    expect(got.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '10',
      'accept-ranges': 'bytes',
      'docker-content-digest': digest,
    });
  });

  test('HEAD has the headers of GET and no body', async () => {
    const [get, head] = [
      await send(`GET /v2/app/blobs/${digest}`),
      await send(`HEAD /v2/app/blobs/${digest}`),
    ];
    const { date: _, ...headers } = get.headers;
    expect(head).toMatchObject({ status: 200, headers, body: Buffer.alloc(0) });
  });

  test.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=4-', 206, '456789', 'bytes 4-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=9-99', 206, '9', 'bytes 9-9/10'],
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=5-4', 200, '0123456789', undefined],
    ['bytes=-', 200, '0123456789', undefined],
    ['bytes=0-1,3-4', 200, '0123456789', undefined],
    ['lines=0-1', 200, '0123456789', undefined],
    ['', 200, '0123456789', undefined],
  ])('of the range %j comes %i %s', async (range, status, text, contentRange) => {
    const got = await send(`GET /v2/app/blobs/${digest}`, { headers: { range } });
    expect([got.status, got.body.toString(), got.headers['content-range']]).toEqual([
      status,
      text,
      contentRange,
    ]);
    expect(got.headers['content-length']).toBe(String(text.length));
  });

  test.each(['bytes=10-', 'bytes=99-100', 'bytes=-0'])('the range %j is refused', async (range) => {
    const got = await send(`GET /v2/app/blobs/${digest}`, { headers: { range } });
    expect(got).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */10' } });
  });

  test('an empty blob has no ranges', async () => {
    const empty = digestOf(Buffer.alloc(0));
    expect(await pushBlob('app', Buffer.alloc(0))).toMatchObject({ status: 201 });
    expect(await send(`GET /v2/app/blobs/${empty}`)).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    const ranged = await send(`GET /v2/app/blobs/${empty}`, { headers: { range: 'bytes=0-' } });
    expect(ranged.status).toBe(416);
  });

  test.each([
    [`app/blobs/${absent}`, 404, 'BLOB_UNKNOWN'],
    [`nowhere/blobs/${digest}`, 404, 'NAME_UNKNOWN'],
    ['app/blobs/latest', 400, 'DIGEST_INVALID'],
    [`app/blobs/${digest.toUpperCase()}`, 400, 'DIGEST_INVALID'],
    ['app/blobs/sha256:..%2F..%2Findex.json', 404, 'NAME_UNKNOWN'],
  ])('%s is answered %i %s', async (path, status, code) => {
    const got = await send(`GET /v2/${path}`);
    expect([got.status, codesOf(got)]).toEqual([status, [code]]);
    expect((await send(`HEAD /v2/${path}`)).status).toBe(status);
  });
});

describe('uploading', () => {
  test('POST, then PUT', async () => {
    const bytes = Buffer.from('post then put');
    const got = await pushBlob('push/two', bytes);
    expect(got).toMatchObject({
      status: 201,
      headers: {
        location: `/v2/push/two/blobs/${digestOf(bytes)}`,
        'docker-content-digest': digestOf(bytes),
      },
    });
    expect((await send(`GET ${got.headers.location}`)).body).toEqual(bytes);
    expect(await uploads()).toEqual([]);
  });

  test('one POST', async () => {
    const got = await send(`POST /v2/push/one/blobs/uploads/?digest=${digest}`, { body: BYTES });
    expect(got.status).toBe(201);
    expect((await send(`GET ${got.headers.location}`)).body).toEqual(BYTES);
  });

  test.each(['sha512', 'sha384'] as const)('by its %s digest, announced or not', async (algorithm) => {
    const wanted = digestOf(BYTES, algorithm);
    expect(await pushBlob('push/long', BYTES, wanted)).toMatchObject({ status: 201 });
    const begun = await send(`POST /v2/push/long/blobs/uploads/?digest-algorithm=${algorithm}`);
    const put = await send(`PUT ${begun.headers.location}?digest=${wanted}`, { body: BYTES });
    expect(put).toMatchObject({ status: 201, headers: { 'docker-content-digest': wanted } });
    expect((await send(`GET /v2/push/long/blobs/${wanted}`)).body).toEqual(BYTES);
  });

  test('in chunks, the last with the PUT', async () => {
    const location = await begin('push/chunks');
    const first = await send(`PATCH ${location}`, { body: '0123', headers: { 'content-range': '0-3' } });
    expect(first).toMatchObject({ status: 202, headers: { range: '0-3', location } });
    const second = await send(`PATCH ${location}`, { body: '4567', headers: { 'content-range': '4-7' } });
    expect(second).toMatchObject({ status: 202, headers: { range: '0-7' } });
    expect(await send(`GET ${location}`)).toMatchObject({ status: 204, headers: { range: '0-7', location } });
    const last = { body: '89', headers: { 'content-range': '8-9' } };
    expect(await send(`PUT ${location}?digest=${digest}`, last)).toMatchObject({ status: 201 });
    expect((await send(`GET /v2/push/chunks/blobs/${digest}`)).body).toEqual(BYTES);
  });

  test.each([
    ['a gap', '5-8'],
    ['a repetition', '0-3'],
    ['another length than the body has', '4-5'],
    ["HTTP's own form", 'bytes 4-7/*'],
    ['nonsense', 'x'],
  ])('a chunk with %s is refused, and the upload can go on', async (_, range) => {
    const location = await begin('push/order');
    await send(`PATCH ${location}`, { body: '0123', headers: { 'content-range': '0-3' } });
    const wrong = { body: '4567', headers: { 'content-range': range } };
    for (const line of [`PATCH ${location}`, `PUT ${location}?digest=${digest}`])
      expect(await send(line, wrong)).toMatchObject({ status: 416, headers: { range: '0-3', location } });
    const right = { body: '456789', headers: { 'content-range': '4-9' } };
    expect(await send(`PUT ${location}?digest=${digest}`, right)).toMatchObject({ status: 201 });
  });

  test('a stream without Content-Range is appended', async () => {
    const location = await begin('push/stream');
    await send(`PATCH ${location}`, { body: BYTES });
    expect(await send(`PUT ${location}?digest=${digest}`)).toMatchObject({ status: 201 });
  });

  test('cancelled, it is gone', async () => {
    const location = await begin('push/cancel');
    await send(`PATCH ${location}`, { body: BYTES });
    expect(await uploads()).toHaveLength(1);
    expect(await send(`DELETE ${location}`)).toMatchObject({ status: 204 });
    expect(await uploads()).toEqual([]);
    expect(codesOf(await send(`GET ${location}`))).toEqual(['BLOB_UPLOAD_UNKNOWN']);
  });

  test.each([
    ['another digest', `?digest=${absent}`, 'DIGEST_INVALID'],
    ['a digest that is none', '?digest=sha256:abc', 'DIGEST_INVALID'],
    ['an algorithm nobody knows', `?digest=md5:${'a'.repeat(32)}`, 'DIGEST_INVALID'],
    ['no digest', '', 'DIGEST_INVALID'],
  ])('%s is refused, and nothing is kept', async (_, query, code) => {
    const got = await send(`PUT ${await begin('push/bad')}${query}`, { body: BYTES });
    expect([got.status, codesOf(got)]).toEqual([400, [code]]);
    expect((await send(`HEAD /v2/push/bad/blobs/${digest}`)).status).toBe(404);
  });

  test('after a PUT with the wrong bytes an upload is gone', async () => {
    const location = await begin('push/once');
    await send(`PUT ${location}?digest=${digest}`, { body: 'wrong' });
    expect(codesOf(await send(`PUT ${location}?digest=${digest}`, { body: BYTES }))).toEqual([
      'BLOB_UPLOAD_UNKNOWN',
    ]);
    expect(await uploads()).toEqual([]);
  });

  test('a single POST with the wrong bytes leaves nothing', async () => {
    const got = await send(`POST /v2/push/bad/blobs/uploads/?digest=${digest}`, { body: 'wrong' });
    expect([got.status, codesOf(got)]).toEqual([400, ['DIGEST_INVALID']]);
    expect(await uploads()).toEqual([]);
  });

  test.each([
    ['unknown', 'push/mine', 'c0ffee00-0000-4000-8000-000000000000'],
    ['a path', 'push/mine', '..%2Findex.json'],
    ['a word every object has', 'push/mine', '__proto__'],
  ])('an upload whose id is %s is refused', async (_, repository, id) => {
    const got = await send(`PUT /v2/${repository}/blobs/uploads/${id}?digest=${digest}`, { body: BYTES });
    expect(got.status).toBe(404);
  });

  test('an upload belongs to the repository it was begun in', async () => {
    const location = (await begin('push/mine')).replace('push/mine', 'push/yours');
    expect(codesOf(await send(`PUT ${location}?digest=${digest}`, { body: BYTES }))).toEqual([
      'BLOB_UPLOAD_UNKNOWN',
    ]);
  });

  test('the same blob pushed at once by many is whole', async () => {
    const bytes = Buffer.alloc(1_000_000, 'same');
    const answers = await Promise.all(Array.from({ length: 10 }, () => pushBlob('push/race', bytes)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
    expect((await send(`GET /v2/push/race/blobs/${digestOf(bytes)}`)).body).toEqual(bytes);
  });
});

/** A request whose body is still open, once the server has begun to read it. */
async function openRequest(method: string, path: string, bytes: Buffer): Promise<ReturnType<typeof request>> {
  const sent = request(new URL(path, registry.url), {
    method,
    agent: false,
    headers: { 'transfer-encoding': 'chunked' },
  });
  sent.on('error', () => {});
  sent.write(bytes);
  await expect
    .poll(() => send(`GET ${path.split('?')[0]}`))
    .toMatchObject({ headers: { range: `0-${bytes.length - 1}` } });
  return sent;
}

describe('uploading when things go wrong', () => {
  test('what arrived before the connection broke stays, and the upload goes on from there', async () => {
    const location = await begin('push/broken');
    const broken = await openRequest('PATCH', location, Buffer.from('0123'));
    broken.destroy();
    const rest = { body: '456789', headers: { 'content-range': '4-9' } };
    await expect.poll(() => send(`PATCH ${location}`, rest)).toMatchObject({ status: 202 });
    expect(await send(`PUT ${location}?digest=${digest}`)).toMatchObject({ status: 201 });
  });

  test('a broken PUT can be finished as well', async () => {
    const location = await begin('push/broken-put');
    const broken = await openRequest('PUT', `${location}?digest=${digest}`, Buffer.from('0123'));
    broken.destroy();
    const rest = { body: '456789', headers: { 'content-range': '4-9' } };
    await expect.poll(() => send(`PUT ${location}?digest=${digest}`, rest)).toMatchObject({ status: 201 });
  });

  test('a second request at the same upload is refused while the first one runs', async () => {
    const location = await begin('push/busy');
    const first = await openRequest('PUT', `${location}?digest=${digest}`, Buffer.from('01234'));
    const answered = new Promise<IncomingMessage>((resolve) => void first.once('response', resolve));
    expect(await send(`PATCH ${location}`, { body: 'x' })).toMatchObject({ status: 409 });
    first.end('56789');
    expect((await answered).statusCode).toBe(201);
    expect((await send(`GET /v2/push/busy/blobs/${digest}`)).body).toEqual(BYTES);
  });

  test('an upload cancelled while it runs leaves nothing', async () => {
    const location = await begin('push/cancelled');
    const running = await openRequest('PUT', `${location}?digest=${digest}`, Buffer.from('01234'));
    const answered = new Promise<IncomingMessage>((resolve) => void running.once('response', resolve));
    expect((await send(`DELETE ${location}`)).status).toBe(204);
    running.end('56789');
    expect((await answered).statusCode).toBeGreaterThanOrEqual(400);
    expect((await send(`HEAD /v2/push/cancelled/blobs/${digest}`)).status).toBe(404);
    expect(await uploads()).toEqual([]);
  });

  test('what a failed write left in the file does not get into the blob', async () => {
    const location = await begin('push/garbage');
    await send(`PATCH ${location}`, { body: '01234' });
    await appendFile(join(registry.dir, '_uploads', location.split('/').at(-1) ?? ''), 'garbage');
    expect(await send(`PUT ${location}?digest=${digest}`, { body: '56789' })).toMatchObject({ status: 201 });
    expect((await send(`GET /v2/push/garbage/blobs/${digest}`)).body).toEqual(BYTES);
  });

  test('leftovers of an earlier process are removed once they are old', async () => {
    const [old, young] = ['old', 'young'].map((name) => join(registry.dir, '_uploads', name));
    for (const path of [old, young]) await writeFile(String(path), 'half');
    await utimes(String(old), 0, 0);
    await createEmbeddedRegistry({ dir: registry.dir });
    expect(await uploads()).toEqual(['young']);
    await rm(String(young));
  });
});

describe('mounting', () => {
  test('a blob of another repository is linked, not copied', async () => {
    const got = await send(`POST /v2/mount/other/blobs/uploads/?mount=${digest}&from=app`);
    expect(got).toMatchObject({ status: 201, headers: { location: `/v2/mount/other/blobs/${digest}` } });
    expect((await send(`GET ${got.headers.location}`)).body).toEqual(BYTES);
    const inodes = await Promise.all(
      ['app', 'mount/other'].map(async (name) => {
        return (await stat(join(registry.dir, name, '_layout/blobs/sha256', hexOf(digest)))).ino;
      }),
    );
    expect(inodes[0]).toBe(inodes[1]);
  });

  test('from itself it says whether the blob is there', async () => {
    const there = await send(`POST /v2/app/blobs/uploads/?mount=${digest}&from=app`);
    expect(there.status).toBe(201);
    const not = await send(`POST /v2/app/blobs/uploads/?mount=${absent}&from=app`);
    expect(not).toMatchObject({
      status: 202,
      headers: { location: expect.stringMatching(/^\/v2\/app\/blobs\/uploads\//) },
    });
  });

  test.each([
    ['a repository that is not there', `mount=${digest}&from=nowhere`, 202],
    ['a blob that is not there', `mount=${absent}&from=app`, 202],
    ['no repository', `mount=${digest}`, 202],
    ['a repository that is a path', `mount=${digest}&from=../app`, 400],
    ['a digest that is none', 'mount=latest&from=app', 400],
  ])('from %s it is answered %i', async (_, query, status) => {
    expect((await send(`POST /v2/mount/none/blobs/uploads/?${query}`)).status).toBe(status);
  });

  test('deleted in one repository a blob stays in the other', async () => {
    await send(`POST /v2/mount/stays/blobs/uploads/?mount=${digest}&from=app`);
    await send(`POST /v2/mount/goes/blobs/uploads/?mount=${digest}&from=app`);
    expect((await send(`DELETE /v2/mount/goes/blobs/${digest}`)).status).toBe(202);
    expect((await send(`HEAD /v2/mount/goes/blobs/${digest}`)).status).toBe(404);
    expect((await send(`GET /v2/mount/stays/blobs/${digest}`)).body).toEqual(BYTES);
  });
});

describe('deleting', () => {
  test('a blob that is not there cannot be deleted', async () => {
    expect(codesOf(await send(`DELETE /v2/app/blobs/${absent}`))).toEqual(['BLOB_UNKNOWN']);
    expect(codesOf(await send(`DELETE /v2/nowhere/blobs/${digest}`))).toEqual(['NAME_UNKNOWN']);
  });

  test('a manifest is not deleted as a blob', async () => {
    const image = await makeImage();
    await pushImage(repositoryAt(registry.url, 'delete/manifest'), image, 'v1');
    const { digest: manifest } = image.content.descriptor;
    expect((await send(`DELETE /v2/delete/manifest/blobs/${manifest}`)).status).toBe(404);
    expect((await send('HEAD /v2/delete/manifest/manifests/v1')).status).toBe(200);
  });
});

test('content lies in an OCI layout that other tools can read', async () => {
  const image = await makeImage();
  await pushImage(repositoryAt(registry.url, 'plain/layout'), image, 'v1');
  const layout = join(registry.dir, 'plain/layout/_layout');
  expect(JSON.parse(await readFile(join(layout, 'oci-layout'), 'utf8'))).toEqual({
    imageLayoutVersion: '1.0.0',
  });
  const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  expect(manifests).toMatchObject([{ annotations: { 'org.opencontainers.image.ref.name': 'v1' } }]);
});
