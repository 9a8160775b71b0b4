import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request as undiciRequest } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, type Got } from '../../test/fakes/ask.ts';
import { type RunningRegistry, startEmbedded } from '../../test/fakes/embedded.ts';
import { makeImage } from '../../test/images/image.ts';
import { pushImage, repositoryAt } from '../../test/images/push.ts';
import { makeAuthority, makeServerCertificate } from '../../tls/certificate.ts';
import { digestOf } from '../image/digest.ts';
import { Layout } from '../layout/layout.ts';
import { createEmbeddedRegistry } from './embedded-registry.ts';

const image = await makeImage({ layers: [{ size: 100_000, seed: 1 }] });
const { digest } = image.content.descriptor;

const running: RunningRegistry[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.close()));
});

async function start(options: Parameters<typeof startEmbedded>[0] = {}): Promise<RunningRegistry> {
  const registry = await startEmbedded(options);
  running.push(registry);
  return registry;
}

function ping(url: string): Promise<Got> {
  return ask(url, 'GET /v2/');
}

describe('paths and methods', () => {
  let registry: RunningRegistry;
  beforeAll(async () => {
    registry = await startEmbedded();
    await pushImage(repositoryAt(registry.url, 'app'), image, 'v1');
  });
  afterAll(() => registry.close());

  test.each(['GET /v2/', 'HEAD /v2/', 'GET /v2'])('%s says that this is a registry', async (line) => {
    const got = await ask(registry.url, line);
    expect(got).toMatchObject({
      status: 200,
      headers: { 'docker-distribution-api-version': 'registry/2.0' },
    });
  });

  test.each([
    ['GET /', 404],
    ['GET /v1/', 404],
    ['GET /v2/app', 404],
    ['GET /v2/_catalog', 404],
    ['GET /v2/app/manifests/', 404],
    ['GET /v2/manifests/v1', 404],
    ['GET /v2//manifests/v1', 404],
    ['GET /v2/app//manifests/v1', 400],
    ['GET /v2/APP/manifests/v1', 400],
    ['GET /v2/a..b/manifests/v1', 400],
    ['GET /v2/../app/manifests/v1', 400],
    ['GET /v2/app/../app/manifests/v1', 400],
    ['GET /v2/%2e%2e/app/manifests/v1', 400],
    ['GET /v2/app/_layout/manifests/v1', 400],
    ['GET /v2/_uploads/manifests/v1', 400],
    ['GET /v2/app%00/manifests/v1', 400],
    ['GET /v2/app%/manifests/v1', 400],
    ['GET /v2/app/manifests/..%2F..%2Foci-layout', 404],
    ['GET /v2/app/blobs/..%2Foci-layout', 404],
    ['PUT /v2/../../etc/manifests/v1', 400],
    ['POST /v2/../x/blobs/uploads/', 400],
    [`GET /v2/${'a'.repeat(256)}/manifests/v1`, 400],
    [`GET /v2/${'a/'.repeat(127)}a/manifests/v1`, 404],
    ['GET http://other/v2/', 200],
    ['GET //v2/', 404],
  ])('%s is answered %i', async (line, status) => {
    const before = await readdir(registry.dir);
    expect((await ask(registry.url, line)).status).toBe(status);
    expect(await readdir(registry.dir)).toEqual(before);
  });

  test.each([
    ['POST /v2/', 'GET, HEAD'],
    ['POST /v2/app/manifests/v1', 'GET, HEAD, PUT, DELETE'],
    ['PATCH /v2/app/manifests/v1', 'GET, HEAD, PUT, DELETE'],
    [`PUT /v2/app/blobs/${digest}`, 'GET, HEAD, DELETE'],
    ['HEAD /v2/app/blobs/uploads/x', 'POST, PATCH, PUT, GET, DELETE'],
    ['DELETE /v2/app/tags/list', 'GET, HEAD'],
    [`POST /v2/app/referrers/${digest}`, 'GET, HEAD'],
    ['OPTIONS /v2/app/manifests/v1', 'GET, HEAD, PUT, DELETE'],
  ])('%s is not supported', async (line, allow) => {
    expect(await ask(registry.url, line)).toMatchObject({ status: 405, headers: { allow } });
  });

  test('repositories within one another do not clash', async () => {
    const names = [
      'a',
      'a/blobs',
      'a/blobs/uploads',
      'a/manifests',
      'a/tags',
      'a/tags/list',
      'a/index.json',
      'a/sha256',
    ];
    for (const name of names) await pushImage(repositoryAt(registry.url, name), image, 'v1');
    for (const name of names) {
      const { body } = await ask(registry.url, `GET /v2/${name}/tags/list`);
      expect(JSON.parse(body.toString())).toEqual({ name, tags: ['v1'] });
    }
  });
});

describe('permission', () => {
  const basic = `Basic ${Buffer.from('ann:pässwörd:1').toString('base64')}`;

  test.each([
    ['none', undefined],
    ['another password', `Basic ${Buffer.from('ann:no').toString('base64')}`],
    ['another user', `Basic ${Buffer.from('bob:pässwörd:1').toString('base64')}`],
    ['another scheme', basic.replace('Basic', 'Bearer')],
    ['no credentials', 'Basic'],
    ['nonsense', 'x'],
  ])('with %s every request is refused, the ping too', async (_, authorization) => {
    const registry = await start({ auth: { username: 'ann', password: 'pässwörd:1' } });
    const headers = authorization === undefined ? {} : { authorization };
    for (const line of ['GET /v2/', 'GET /v2/a/manifests/v1', 'POST /v2/a/blobs/uploads/', 'GET /nowhere']) {
      expect(await ask(registry.url, line, { headers })).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': expect.stringMatching(/^Basic realm=/) },
      });
    }
  });

  test('with the password everything works', async () => {
    const registry = await start({ auth: { username: 'ann', password: 'pässwörd:1' } });
    await pushImage(repositoryAt(registry.url, 'app', { authorization: basic }), image, 'v1');
    const headers = { authorization: basic.replace('Basic', 'bAsIc') };
    expect((await ask(registry.url, 'GET /v2/app/manifests/v1', { headers })).status).toBe(200);
  });

  test('a read-only registry serves and takes nothing', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'readonly-'));
    await pushImage(await Layout.create(join(dir, 'app/_layout')), image, 'v1');
    const listener = await (await createEmbeddedRegistry({ dir, readOnly: true })).listen();
    expect((await ask(listener.url, 'GET /v2/app/manifests/v1')).status).toBe(200);
    for (const line of [
      'POST /v2/app/blobs/uploads/',
      'PUT /v2/app/manifests/v2',
      'DELETE /v2/app/manifests/v1',
    ]) {
      expect(await ask(listener.url, line)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    }
    await listener.close();
    await rm(dir, { recursive: true });
  });
});

describe('observing', () => {
  test('each request is told once, with what it was and what it cost', async () => {
    const registry = await start();
    const got = await ask(registry.url, 'POST /v2/app/blobs/uploads/?digest=x', { body: 'abc' });
    await expect.poll(() => registry.events).toHaveLength(1);
    expect(registry.events[0]).toEqual({
      type: 'request',
      method: 'POST',
      path: '/v2/app/blobs/uploads/',
      status: 400,
      complete: true,
      receivedBytes: 3,
      sentBytes: got.body.length,
      durationMs: expect.any(Number),
      remote: '127.0.0.1',
    });
  });

  test('of HEAD no bytes are told', async () => {
    const registry = await start();
    await pushImage(repositoryAt(registry.url, 'app'), image, 'v1');
    await ask(registry.url, 'HEAD /v2/app/manifests/v1');
    await expect
      .poll(() => registry.events.at(-1))
      .toMatchObject({ method: 'HEAD', status: 200, sentBytes: 0 });
  });

  test('a client that goes away is told', async () => {
    const registry = await start();
    const sent = request(`${registry.url}/v2/app/blobs/uploads/?digest=${digest}`, {
      method: 'POST',
      agent: false,
      headers: { 'content-length': '1000' },
    });
    sent.on('error', () => {});
    sent.write('begun');
    await expect.poll(() => readdir(join(registry.dir, '_uploads'))).toHaveLength(1);
    sent.destroy();
    await expect.poll(() => registry.events).toMatchObject([{ method: 'POST', complete: false }]);
  });

  test('a fault of the server is told with its reason, and its client is not told the path', async () => {
    const registry = await start();
    await pushImage(repositoryAt(registry.url, 'app'), image, 'v1');
    await writeFile(join(registry.dir, 'app/_layout/index.json'), 'broken');
    const got = await ask(registry.url, 'GET /v2/app/manifests/v1');
    expect(got.status).toBe(500);
    expect(got.body.toString()).not.toContain(registry.dir);
    await expect
      .poll(() => registry.events.at(-1))
      .toMatchObject({ status: 500, error: { code: 'INVALID_LAYOUT' } });
  });
});

describe('the directory', () => {
  test('a repository that was removed by hand is unknown, and can be pushed again', async () => {
    const registry = await start();
    await pushImage(repositoryAt(registry.url, 'app'), image, 'v1');
    await rm(join(registry.dir, 'app'), { recursive: true });
    expect((await ask(registry.url, 'GET /v2/app/manifests/v1')).status).toBe(404);
    await pushImage(repositoryAt(registry.url, 'app'), image, 'v1');
    expect((await ask(registry.url, 'GET /v2/app/manifests/v1')).status).toBe(200);
  });

  test('a layout that is put there is served, and what it gains later too', async () => {
    const registry = await start();
    const layout = await Layout.create(join(registry.dir, 'air/gap/_layout'));
    await pushImage(layout, image, 'v1');
    expect((await ask(registry.url, 'GET /v2/air/gap/manifests/v1')).status).toBe(200);
    await layout.tag('v1', 'v2');
    expect((await ask(registry.url, 'GET /v2/air/gap/manifests/v2')).status).toBe(200);
  });

  test('content survives a restart', async () => {
    const registry = await start();
    await pushImage(repositoryAt(registry.url, 'app'), image, 'v1');
    const again = await (await createEmbeddedRegistry({ dir: registry.dir })).listen();
    expect((await ask(again.url, `GET /v2/app/manifests/${digest}`)).body).toEqual(image.content.bytes);
    await again.close();
  });

  test('a push that fails leaves no repository', async () => {
    const registry = await start();
    const location = (await ask(registry.url, 'POST /v2/none/blobs/uploads/')).headers.location;
    await ask(registry.url, `PUT ${location}?digest=${digestOf(Buffer.from('a'))}`, { body: 'b' });
    expect(await readdir(registry.dir)).toEqual(['_uploads']);
  });

  test('one that is a file is an error at once', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'file-'));
    await writeFile(join(dir, 'file'), '');
    await expect(createEmbeddedRegistry({ dir: join(dir, 'file') })).rejects.toMatchObject({
      code: 'ENOTDIR',
    });
    await rm(dir, { recursive: true });
  });
});

describe('listening', () => {
  test('a port that is taken is an error', async () => {
    const { url, dir } = await start();
    const registry = await createEmbeddedRegistry({ dir });
    await expect(registry.listen({ port: Number(new URL(url).port) })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  test("the handler serves in a server of one's own", async () => {
    const { dir } = await start();
    const { handler } = await createEmbeddedRegistry({ dir });
    const server = createServer(handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    expect((await ping(`http://127.0.0.1:${port}`)).status).toBe(200);
    server.close();
  });

  test('an IPv6 address is written in brackets', async () => {
    const { dir } = await start();
    const listener = await (await createEmbeddedRegistry({ dir })).listen({ host: '::1' });
    expect(listener.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    await listener.close();
  });

  test('with a certificate it speaks HTTPS', async () => {
    const authority = await makeAuthority({ name: 'test', days: 1 });
    const { certificate, key } = await makeServerCertificate(authority, { names: ['127.0.0.1'], days: 1 });
    const registry = await start({ tls: { cert: certificate, key } });
    expect(registry.url).toMatch(/^https:/);
    const dispatcher = new Agent({ connect: { ca: authority.certificate } });
    const { statusCode } = await undiciRequest(`${registry.url}/v2/`, { dispatcher });
    expect(statusCode).toBe(200);
    await dispatcher.close();
  });

  test('closing lets a request under way end', async () => {
    const { dir } = await start();
    await mkdir(join(dir, 'app'));
    const listener = await (await createEmbeddedRegistry({ dir })).listen();
    const bytes = Buffer.from('0123456789');
    const sent = request(`${listener.url}/v2/app/blobs/uploads/?digest=${digestOf(bytes)}`, {
      method: 'POST',
      agent: false,
    });
    const answered = once(sent, 'response');
    sent.write(bytes.subarray(0, 5));
    await expect.poll(() => readdir(join(dir, '_uploads'))).toHaveLength(1);
    const closed = listener.close();
    await expect(ping(listener.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    sent.end(bytes.subarray(5));
    const [answer] = await answered;
    answer.resume();
    expect(answer.statusCode).toBe(201);
    await closed;
  });
});
