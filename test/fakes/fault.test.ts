import { once } from 'node:events';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { answer, rateLimited, redirect, refusal } from './answer.ts';
import {
  absentAs,
  chunkedBody,
  flippedBody,
  gzippedBody,
  longBody,
  relocated,
  shortBody,
  withHeaders,
  withoutHeaders,
} from './edit.ts';
import type { Fault } from './fault.ts';
import { type ScriptedRegistry, startRegistry } from './scripted-registry.ts';

const running: ScriptedRegistry[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.close()));
});

const BYTES = Buffer.from('0123456789');

/** A registry with one blob, and the path of that blob. */
async function start(...faults: readonly Fault[]): Promise<{ registry: ScriptedRegistry; url: string }> {
  const registry = await startRegistry({ faults });
  running.push(registry);
  return { registry, url: `${registry.url}/v2/a/blobs/${registry.putBlob('a', BYTES)}` };
}

async function get(
  url: string,
  method: 'GET' | 'HEAD' = 'GET',
): Promise<{ status: number; headers: object; text: string }> {
  const { statusCode, headers, body } = await request(url, { method });
  return { status: statusCode, headers, text: await body.text() };
}

test.each([
  ['every hit', {}, [500, 500, 500, 500]],
  ['one hit', { nth: 2 }, [200, 500, 200, 200]],
  ['the first hits', { times: 2 }, [500, 500, 200, 200]],
  ['some hits in the middle', { nth: 2, times: 2 }, [200, 500, 500, 200]],
  ['another method', { method: 'PUT' }, [200, 200, 200, 200]],
])('a fault is played on %s', async (_, match, wanted) => {
  const { url } = await start({ path: /blobs/, answer: refusal(500, 'UNKNOWN'), ...match });
  const statuses = [];
  for (let i = 0; i < wanted.length; i += 1) statuses.push((await get(url)).status);
  expect(statuses).toEqual(wanted);
});

test('the path pattern sees the query as it was sent', async () => {
  const { registry } = await start({ path: /mount=sha256%3Aab&from=x/, answer: refusal(403, 'DENIED') });
  const url = `${registry.url}/v2/a/blobs/uploads/?mount=sha256%3Aab&from=`;
  expect((await request(`${url}x`, { method: 'POST' })).statusCode).toBe(403);
  expect((await request(`${url}y`, { method: 'POST' })).statusCode).toBe(202);
});

test('a fault can be added while running, and the first that wants a request wins', async () => {
  const { registry, url } = await start({ path: /blobs/, nth: 1, answer: answer(503) });
  registry.play({ path: /blobs/, answer: answer(418) });
  expect([(await get(url)).status, (await get(url)).status]).toEqual([503, 418]);
});

test.each([
  ['seconds', 7, '7'],
  ['a date', new Date(0), 'Thu, 01 Jan 1970 00:00:00 GMT'],
])('429 tells when to come again in %s', async (_, retryAfter, header) => {
  const { url } = await start({ path: /./, answer: rateLimited(retryAfter) });
  expect(await get(url)).toMatchObject({ status: 429, headers: { 'retry-after': header } });
});

test.each([
  ['short', shortBody(3), '0123456'],
  ['long', longBody(2), '0123456789xx'],
  ['flipped', flippedBody, '0123456788'],
  ['chunked', chunkedBody, '0123456789'],
])('a %s body ends as its headers say', async (_, edit, text) => {
  const { url } = await start({ path: /./, edit });
  expect(await get(url)).toMatchObject({ status: 200, text });
});

test('a chunked body has no length header', async () => {
  const { url } = await start({ path: /./, edit: chunkedBody });
  expect((await get(url)).headers).not.toHaveProperty('content-length');
});

test('a gzipped body says so', async () => {
  const { url } = await start({ path: /./, edit: gzippedBody });
  const { headers, body } = await request(url);
  expect(headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(Buffer.from(await body.arrayBuffer()))).toEqual(BYTES);
});

test('headers can be changed and left out', async () => {
  const { url } = await start(
    { path: /./, nth: 1, edit: withHeaders({ 'docker-content-digest': 'sha256:no' }) },
    { path: /./, nth: 2, edit: withoutHeaders('docker-content-digest') },
  );
  expect((await get(url)).headers).toMatchObject({ 'docker-content-digest': 'sha256:no' });
  expect((await get(url)).headers).not.toHaveProperty('docker-content-digest');
});

test.each([403, 200])('absent content can be answered with %i', async (status) => {
  const { registry } = await start({ path: /./, edit: absentAs(status) });
  expect((await get(`${registry.url}/v2/a/manifests/none`, 'HEAD')).status).toBe(status);
});

test('the upload Location can be written anew', async () => {
  const { registry } = await start({ path: /uploads/, edit: relocated((path) => `http://elsewhere${path}`) });
  const { headers } = await request(`${registry.url}/v2/a/blobs/uploads/`, { method: 'POST' });
  expect(headers['location']).toMatch(/^http:\/\/elsewhere\/v2\/a\/blobs\/uploads\/.+_state=/);
});

test('a redirect leads to another server, which sees what came with it', async () => {
  const other = await start();
  const { registry, url } = await start({ path: /./, answer: redirect(307, other.url) });
  const { statusCode, headers } = await request(url, { headers: { authorization: 'secret' } });
  expect([statusCode, headers['location']]).toEqual([307, other.url]);
  await request(other.url, { headers: { authorization: 'leaked' } });
  expect(registry.requests()[0]?.headers.authorization).toBe('secret');
  expect(other.registry.requests()[0]?.headers.authorization).toBe('leaked');
});

test('a connection is closed after so many bytes of an answer', async () => {
  const { url } = await start({ path: /./, cutAfterResponseBytes: 4 });
  const { headers, body } = await request(url);
  expect(headers['content-length']).toBe('10');
  let got = '';
  body.on('data', (chunk) => (got += String(chunk)));
  const [error] = await once(body, 'error').catch((fault: unknown) => [fault]);
  expect(error).toMatchObject({ code: 'UND_ERR_SOCKET' });
  expect(got).toBe('0123');
});

test.each([
  ['before the body', 0],
  ['in the middle of the body', 1000],
])('a connection is reset %s of a request', async (_, bytes) => {
  const { registry } = await start({ method: 'PUT', path: /./, cutAfterRequestBytes: bytes });
  const put = request(`${registry.url}/v2/a/manifests/x`, { method: 'PUT', body: Buffer.alloc(5_000_000) });
  await expect(put).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE|UND_ERR_SOCKET/) });
  const [record] = registry.requests();
  expect(record?.status).toBeUndefined();
  expect(record?.bodyBytes).toBeGreaterThanOrEqual(bytes);
  expect(record?.bodyBytes).toBeLessThan(5_000_000);
});

test('an answer can come in the middle of an upload', async () => {
  const { registry } = await start({
    method: 'PUT',
    path: /./,
    answerAfterRequestBytes: 10,
    answer: answer(401),
  });
  const { statusCode } = await request(`${registry.url}/v2/a/manifests/x`, {
    method: 'PUT',
    body: Buffer.alloc(5_000_000),
  });
  expect(statusCode).toBe(401);
  expect(registry.requests()[0]?.bodyBytes).toBeLessThan(5_000_000);
});

test('a request is held until the test lets it go', async () => {
  const gate = Promise.withResolvers<void>();
  const { registry, url } = await start({ path: /./, nth: 1, wait: gate.promise });
  const held = get(url);
  await registry.seen('GET', /blobs/);
  // The second request overtakes the first.
  await get(url);
  expect(registry.requests().map(({ status }) => status)).toEqual([undefined, 200]);
  gate.resolve();
  expect(await held).toMatchObject({ status: 200, text: '0123456789' });
});

test('an answer halts in its body until the test lets it go', async () => {
  const gate = Promise.withResolvers<void>();
  const { url } = await start({ path: /./, pause: { afterBytes: 4, until: gate.promise } });
  const { body } = await request(url);
  const pieces: string[] = [];
  for await (const chunk of body) {
    pieces.push(String(chunk));
    gate.resolve();
  }
  expect(pieces).toEqual(['0123', '456789']);
});
