import { describe, expect, test } from 'vitest';
import { answer, redirect, refusal } from '../../test/fakes/answer.ts';
import type { Fault } from '../../test/fakes/fault.ts';
import type { Handle } from '../../test/fakes/listener.ts';
import { never, trustedCertificate, useStage } from '../../test/fakes/stage.ts';
import { makeImage } from '../../test/images/image.ts';
import { makeBlob } from '../../test/images/layer.ts';
import { OCI_LAYER } from '../image/media-type.ts';
import type { Call } from './call.ts';
import type { RegistryEvent } from './event.ts';
import type { Repository } from './repository.ts';

const stage = useStage();

function call({ host }: { host: string }, options: Partial<Call> = {}): Call {
  const audience = { host, path: 'app', actions: 'pull' } as const;
  return {
    operation: 'ask',
    audience,
    method: 'GET',
    target: '/v2/',
    expect: [200],
    signal: never,
    ...options,
  };
}

describe('a call', () => {
  test('hands on the answers that are expected, and throws the others', async () => {
    const server = await stage.listen(({ path }) => answer(path === '/v2/' ? 200 : 404));
    const client = stage.client();
    expect((await client.call(call(server))).status).toBe(200);
    expect((await client.call(call(server, { target: '/404', expect: [404] }))).status).toBe(404);
    await expect(client.call(call(server, { target: '/404' }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('says who asks, and asks for no other encoding', async () => {
    const server = await stage.listen(() => answer(200));
    await stage.client().call(call(server));
    expect(server.requests()[0]?.headers).toMatchObject({
      'user-agent': 'image-cloner',
      'accept-encoding': 'identity',
    });
  });

  test('is sent to an address that the registry gave', async () => {
    const server = await stage.listen(({ path }) => answer(200, {}, path));
    const got = await stage.client().call(call(server, { target: new URL(`${server.url}/given`) }));
    expect(got.url.pathname).toBe('/given');
  });

  test('that fails where nobody listens is tried again, and says so in the end', async () => {
    const server = await stage.listen(() => answer(200));
    await server.close();
    const client = stage.client();
    await expect(client.call(call(server))).rejects.toMatchObject({ code: 'UNREACHABLE', operation: 'ask' });
    expect(client.requests).toBe(5);
  });

  test('with 429 holds back the calls of everybody to that host, and of nobody to another', async () => {
    const limited = await stage.listen(() => answer(200), {
      faults: [{ path: /./, nth: 1, answer: refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '60' }) }],
    });
    const other = await stage.listen(() => answer(200));
    const client = stage.client();
    const stop = new AbortController();
    const first = client.call(call(limited, { signal: stop.signal })).catch((error: unknown) => error);
    const wanted = { operation: 'wait', signal: stop.signal };
    await expect(client.heldBack(limited.host, wanted)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    const second = client.call(call(limited, { signal: stop.signal })).catch((error: unknown) => error);
    // It would have been sent by the time that one of another host has its answer.
    for (let times = 0; times < 3; times++) await client.call(call(other));
    stop.abort();
    expect([await first, await second]).toMatchObject([{ code: 'ABORTED' }, { code: 'ABORTED' }]);
    expect(limited.requests()).toHaveLength(1);
  });

  test('with 429 for more than a minute fails now', async () => {
    const server = await stage.listen(() => refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '3600' }));
    await expect(stage.client().call(call(server))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfter: 3_600_000,
    });
    expect(server.requests()).toHaveLength(1);
  });

  test('whose answer must not be lost is waited for though its caller has stopped', async () => {
    const { promise: held, resolve } = Promise.withResolvers<void>();
    const server = await stage.listen(() => answer(202), { faults: [{ path: /./, wait: held }] });
    const stop = new AbortController();
    const calling = stage
      .client()
      .call(call(server, { method: 'POST', expect: [202], signal: stop.signal, unbroken: true }));
    await server.seen();
    stop.abort();
    resolve();
    expect((await calling).status).toBe(202);
  });

  test('on a connection that the server has closed meanwhile is sent again', async () => {
    const server = await stage.listen(() => answer(200), {
      faults: [{ path: /./, nth: 2, cutAfterRequestBytes: 0 }],
    });
    const client = stage.client();
    await client.call(call(server));
    expect((await client.call(call(server))).status).toBe(200);
    expect(server.requests()).toHaveLength(3);
  });

  test('that cannot be sent at all is not tried again', async () => {
    const server = await stage.listen(() => answer(200));
    await expect(stage.client().call(call(server, { headers: { accept: 'a\nb' } }))).rejects.toMatchObject({
      code: 'PROTOCOL',
    });
    expect(server.requests()).toEqual([]);
  });

  test.each(['registry.example:99999', '1.2.3.4.5'])(
    'to %s, which is no address, fails at once',
    async (host) => {
      await expect(stage.client().call(call({ host }))).rejects.toMatchObject({ code: 'FORBIDDEN_HOP' });
    },
  );
});

describe('the body of an answer', () => {
  test('is read whole, up to a limit', async () => {
    const server = await stage.listen(() => answer(200, {}, 'ten bytes!'));
    const client = stage.client();
    expect((await client.read(call(server), 10)).bytes.toString()).toBe('ten bytes!');
    await expect(client.read(call(server), 9)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: expect.stringContaining('9 bytes'),
    });
  });

  test('that breaks off is read again', async () => {
    const server = await stage.listen(() => answer(200, {}, 'ten bytes!'), {
      faults: [{ path: /./, nth: 1, times: 4, cutAfterResponseBytes: 5 }],
    });
    expect((await stage.client().read(call(server), 10)).bytes.toString()).toBe('ten bytes!');
    expect(server.requests()).toHaveLength(5);
  });

  test('that breaks off each time is an error of the connection', async () => {
    const server = await stage.listen(() => answer(200, {}, 'ten bytes!'), {
      faults: [{ path: /./, cutAfterResponseBytes: 5 }],
    });
    await expect(stage.client().read(call(server), 10)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });
});

/** More than a connection takes on before somebody reads. */
const LARGE = Buffer.alloc(100_000);

describe('connections', () => {
  test('are not lost to answers that nobody wants: more calls than connections come through', async () => {
    const server = await stage.listen(({ path }) => {
      if (path === '/redirect') return { ...redirect(302, '/v2/'), body: LARGE };
      return path === '/v2/' ? answer(200, {}, 'body') : refusal(404, 'MANIFEST_UNKNOWN');
    });
    const client = stage.client();
    for (let round = 0; round < 50; round++) {
      await expect(client.call(call(server, { target: '/404' }))).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      await client.read(call(server, { target: '/redirect' }), 10);
    }
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  test('are not lost to a 401 that leads nowhere', async () => {
    const server = await stage.listen(() =>
      answer(401, { 'www-authenticate': 'Bearer realm="ftp://x/"' }, LARGE),
    );
    const client = stage.client();
    for (let round = 0; round < 50; round++)
      await expect(client.callOnce(call(server))).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(server.connections()).toBeLessThanOrEqual(2);
  });
});

describe('answers that say more than anybody wants to know', async () => {
  const { content } = await makeImage();
  const blob = makeBlob(Buffer.from('content'), OCI_LAYER);
  const stored = { 'docker-content-digest': content.descriptor.digest };
  function push(app: Repository): Promise<unknown> {
    return app.push(blob.descriptor, async () => blob.open(), never);
  }

  test.each<[string, Handle, (app: Repository) => Promise<unknown>]>([
    ['an error', () => answer(400, {}, LARGE), (app) => app.fetchReference('v1', never)],
    ['a pushed manifest', () => answer(201, stored, LARGE), (app) => app.pushReference(content, 'v1', never)],
    ['a mount', () => answer(201, {}, LARGE), push],
    ['a 401 without a challenge', () => answer(401, {}, LARGE), (app) => app.resolve('v1', never)],
    [
      'an upload',
      ({ method }) => answer(method === 'POST' ? 202 : 201, { location: '/upload' }, LARGE),
      push,
    ],
    [
      'an upload that is given back',
      ({ method }) => answer(method === 'POST' ? 202 : 404, { location: '/upload' }, LARGE),
      push,
    ],
  ])('cost no connection: %s', async (_name, handle, run) => {
    const server = await stage.listen(handle);
    const app = stage.repository(server, 'app');
    for (let round = 0; round < 5; round++) await run(app).catch(() => undefined);
    expect(server.requests().length).toBeGreaterThanOrEqual(5);
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  test('cost no connection: a realm that knows no POST', async () => {
    const server = await stage.listen(({ path }) =>
      path === '/token'
        ? answer(404, {}, LARGE)
        : answer(401, { 'www-authenticate': 'Bearer realm="/token"' }, LARGE),
    );
    const app = stage.repository(server, 'app', {
      credentials: [{ kind: 'identity-token', token: 'secret' }],
    });
    for (let round = 0; round < 5; round++) await app.resolve('v1', never).catch(() => undefined);
    expect(server.requests('POST', /token/)).toHaveLength(5);
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  /** More than a client has connections for one origin, and more bytes than both systems keep of what nobody reads. */
  const MANY = 40;
  const ENDLESS = Buffer.alloc(32 * 1024 * 1024);

  test.each<[string, Handle, readonly Fault[]]>([
    ['length', () => ({ status: 200, headers: {}, body: ENDLESS }), []],
    [
      'range',
      ({ headers }) =>
        headers.range === undefined
          ? answer(200, {}, 'content')
          : { status: 206, headers: {}, body: ENDLESS },
      Array.from({ length: MANY }, (_, round) => ({
        path: /./,
        nth: 2 * round + 1,
        cutAfterResponseBytes: 3,
      })),
    ],
  ])('are given up when they are a blob of another %s', async (_name, handle, faults) => {
    const server = await stage.listen(handle, { faults });
    const app = stage.repository(server, 'app');
    for (let round = 0; round < MANY; round++) {
      const read = app.fetch(blob.descriptor, never).then((stream) => stream.toArray());
      await expect(read).rejects.toHaveProperty('code');
    }
    expect(server.requests()).toHaveLength(faults.length + MANY);
  });
});

describe('a registry on loopback', async () => {
  const tls = await trustedCertificate();
  const unconfigured = { speaksPlainHttp: () => false };

  test('is spoken to by TLS where it answers to that', async () => {
    const server = await stage.listen(() => answer(200), { tls });
    expect((await stage.client(unconfigured).call(call(server))).url.protocol).toBe('https:');
  });

  test('is spoken to by plain HTTP where it does not', async () => {
    const server = await stage.listen(() => answer(200));
    const client = stage.client(unconfigured);
    await client.call(call(server));
    expect((await client.call(call(server))).url.protocol).toBe('http:');
    expect([server.requests().length, client.requests]).toEqual([2, 2]);
  });

  test('with a certificate that nobody vouches for is not spoken to at all', async () => {
    const { makeLoopbackCertificate } = await import('../../test/fakes/loopback-certificate.ts');
    const server = await stage.listen(() => answer(200), { tls: await makeLoopbackCertificate() });
    await expect(stage.client(unconfigured).call(call(server))).rejects.toMatchObject({
      code: 'UNTRUSTED',
      retriable: false,
    });
    expect(server.requests()).toEqual([]);
  });
});

describe('what a registry tells its users', () => {
  test('a warning is surfaced once, with its host', async () => {
    const server = await stage.listen(() =>
      answer(200, { warning: ['299 - "pull less"', '299 - "or else"'] }),
    );
    const events: RegistryEvent[] = [];
    const client = stage.client({ observe: (event) => events.push(event) });
    await client.call(call(server));
    await client.call(call(server));
    expect(events).toEqual([
      { type: 'warning', host: server.host, text: 'pull less' },
      { type: 'warning', host: server.host, text: 'or else' },
    ]);
  });

  test.each([
    ['76;w=21600', [76]],
    ['0', [0]],
    ['many', []],
  ])('ratelimit-remaining %s is how many pulls are left', async (value, remaining) => {
    const server = await stage.listen(() => answer(200, { 'ratelimit-remaining': value }));
    const events: RegistryEvent[] = [];
    await stage.client({ observe: (event) => events.push(event) }).call(call(server));
    expect(events).toEqual(
      remaining.map((count) => ({ type: 'pulls-left', host: server.host, remaining: count })),
    );
  });

  test('in an error counts as well', async () => {
    const server = await stage.listen(() => refusal(404, 'X', { warning: '299 - "moved"' }));
    const events: RegistryEvent[] = [];
    const client = stage.client({ observe: (event) => events.push(event) });
    await expect(client.call(call(server))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(events).toHaveLength(1);
  });
});
