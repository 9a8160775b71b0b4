import { Readable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { answer } from '../../test/fakes/answer.ts';
import { never, trustedCertificate, useStage } from '../../test/fakes/stage.ts';
import {
  type Answer,
  drain,
  type Exchange,
  headerOf,
  isStream,
  readUpTo,
  Transport,
  type TransportOptions,
} from './transport.ts';

const stage = useStage();
const opened: Transport[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

function open(options: Partial<TransportOptions> = {}): Transport {
  const transport = new Transport({ mayBeInternal: () => true, connections: 4, ...options });
  opened.push(transport);
  return transport;
}

function to(url: string, exchange: Partial<Exchange> = {}): Exchange {
  const target = new URL(url);
  return { method: 'GET', url: target, home: target.hostname, headers: {}, signal: never, ...exchange };
}

async function text(got: Answer): Promise<string | undefined> {
  return (await readUpTo(got, 1000))?.toString();
}

describe('an exchange', () => {
  test('sends method, path, query and headers as they are, and counts itself', async () => {
    const server = await stage.listen(({ method, path, query }) =>
      answer(200, { 'x-seen': `${method} ${path}` }, query.get('a') ?? ''),
    );
    const transport = open();
    const got = await transport.send(to(`${server.url}/v2/a%2fb?a=1%2B1`, { headers: { accept: 'text/x' } }));
    expect([got.status, headerOf(got, 'x-seen'), await text(got)]).toEqual([200, 'GET /v2/a%2fb', '1+1']);
    expect(server.requests()[0]?.headers.accept).toBe('text/x');
    expect(transport.requests).toBe(1);
  });

  test('does not follow redirects', async () => {
    const server = await stage.listen(() => answer(302, { location: '/elsewhere' }));
    expect((await open().send(to(server.url))).status).toBe(302);
    expect(server.requests()).toHaveLength(1);
  });

  test('hands compressed bytes on as they are', async () => {
    const server = await stage.listen(() => answer(200, { 'content-encoding': 'gzip' }, 'not gzip at all'));
    expect(await text(await open().send(to(server.url)))).toBe('not gzip at all');
  });

  test('ends with its signal', async () => {
    const hung = new Promise(() => undefined);
    const server = await stage.listen(() => answer(200), { faults: [{ path: /./, wait: hung }] });
    const stop = new AbortController();
    const sending = open().send(to(server.url, { signal: stop.signal }));
    await server.seen();
    stop.abort(new Error('enough'));
    await expect(sending).rejects.toThrow('enough');
  });
});

describe('silence instead of an answer', () => {
  const FOREVER = 1_000_000;

  test.each([
    ['GET', { putMs: FOREVER, otherMs: 10 }],
    ['HEAD', { putMs: FOREVER, otherMs: 10 }],
    ['POST', { putMs: FOREVER, otherMs: 10 }],
    // A registry may have a whole blob to hash and to move.
    ['PUT', { putMs: 10, otherMs: FOREVER }],
  ] as const)('ends %s after a time of its own', async (method, patience) => {
    const hung = new Promise(() => undefined);
    const server = await stage.listen(() => answer(200), { faults: [{ path: /./, wait: hung }] });
    const body = method === 'PUT' ? { body: 'payload' } : {};
    await expect(open({ patience }).send(to(server.url, { method, ...body }))).rejects.toMatchObject({
      code: 'UND_ERR_HEADERS_TIMEOUT',
    });
  });
});

describe('connections', () => {
  test('are kept behind HEAD, GET and errors: one serves them all', async () => {
    const server = await stage.listen(({ path }) => answer(path === '/404' ? 404 : 200, {}, 'body'));
    const transport = open({ connections: 1 });
    for (const method of ['HEAD', 'GET', 'HEAD', 'DELETE'] as const) {
      await drain(await transport.send(to(`${server.url}/a`, { method })));
      await drain(await transport.send(to(`${server.url}/404`, { method })));
    }
    expect([server.requests().length, server.connections()]).toEqual([8, 1]);
  });

  test('are bounded for each origin', async () => {
    const { promise: open2, resolve } = Promise.withResolvers<void>();
    const server = await stage.listen(() => answer(200), { faults: [{ path: /./, wait: open2 }] });
    const transport = open({ connections: 2 });
    const sending = Array.from({ length: 6 }, async () => drain(await transport.send(to(server.url))));
    await server.seen(undefined, undefined, 2);
    resolve();
    await Promise.all(sending);
    expect([server.requests().length, server.connections()]).toEqual([6, 2]);
  });

  test('of a body that is too long to be read are given up, and the next one works', async () => {
    const server = await stage.listen(() => answer(200, {}, Buffer.alloc(1024 * 1024)));
    const transport = open({ connections: 1 });
    await drain(await transport.send(to(server.url)));
    expect(await readUpTo(await transport.send(to(server.url)), 1000)).toBeUndefined();
    expect(await readUpTo(await transport.send(to(server.url)), 1024 * 1024)).toHaveLength(1024 * 1024);
  });
});

test('a body that nobody wants can be given up: its error harms nobody', async () => {
  const server = await stage.listen(() => answer(200, {}, Buffer.alloc(1024 * 1024)));
  const transport = open();
  const { body } = await transport.send(to(server.url, { signal: new AbortController().signal }));
  const closed = new Promise((resolve) => body.once('close', resolve));
  body.destroy();
  await closed;
  expect(body.errored).toMatchObject({ code: 'UND_ERR_ABORTED' });
});

describe('a small body', () => {
  test('is read up to its limit and no further', async () => {
    const server = await stage.listen(() => answer(200, {}, 'ten bytes!'));
    const transport = open();
    expect(await readUpTo(await transport.send(to(server.url)), 10)).toEqual(Buffer.from('ten bytes!'));
    expect(await readUpTo(await transport.send(to(server.url)), 9)).toBeUndefined();
  });

  test('that breaks off is an error', async () => {
    const server = await stage.listen(() => answer(200, {}, 'ten bytes!'), {
      faults: [{ path: /./, cutAfterResponseBytes: 5 }],
    });
    await expect(readUpTo(await open().send(to(server.url)), 10)).rejects.toMatchObject({
      code: 'UND_ERR_SOCKET',
    });
  });

  test('has a minute in all, however often a byte of it comes', async () => {
    const hung = new Promise(() => undefined);
    const server = await stage.listen(() => answer(200, {}, 'ten bytes!'), {
      faults: [{ path: /./, pause: { afterBytes: 5, until: hung } }],
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const reading = readUpTo(await open().send(to(server.url)), 10).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await reading).toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' });
  });
});

describe('internal addresses', () => {
  test('are connected to only where the operator says so', async () => {
    const server = await stage.listen(() => answer(200));
    const closed = open({ mayBeInternal: () => false });
    await expect(closed.send(to(server.url))).rejects.toMatchObject({ code: 'FORBIDDEN_HOP' });
    await expect(closed.send(to(server.url.replace('127.0.0.1', 'localhost')))).rejects.toMatchObject({
      code: 'FORBIDDEN_HOP',
    });
    expect(server.requests()).toEqual([]);
    expect((await open({ mayBeInternal: (name) => name === '127.0.0.1' }).send(to(server.url))).status).toBe(
      200,
    );
  });

  test('that the operator allows are no way in for a registry outside', async () => {
    const server = await stage.listen(() => answer(200));
    const transport = open({ mayBeInternal: (name) => name === '127.0.0.1' });
    await expect(transport.send(to(server.url, { home: 'evil.example' }))).rejects.toMatchObject({
      code: 'FORBIDDEN_HOP',
    });
    expect((await transport.send(to(server.url, { home: '127.0.0.1' }))).status).toBe(200);
    expect(server.requests()).toHaveLength(1);
  });

  test('may refer to each other', async () => {
    const server = await stage.listen(() => answer(200));
    const transport = open({ mayBeInternal: (name) => name === '127.0.0.1' || name === 'registry.internal' });
    expect((await transport.send(to(server.url, { home: 'registry.internal' }))).status).toBe(200);
  });
});

describe('TLS', async () => {
  const tls = await trustedCertificate();

  test('is noticed, whoever vouches for it', async () => {
    const [secure, plain] = [
      await stage.listen(() => answer(200), { tls }),
      await stage.listen(() => answer(200)),
    ];
    const transport = open();
    expect(await transport.speaksTls(new URL(secure.url))).toBe(true);
    expect(await transport.speaksTls(new URL(plain.url.replace('http:', 'https:')))).toBe(false);
    expect(secure.requests()).toEqual([]);
  });

  test('is not asked for where nobody listens, or where nobody may connect', async () => {
    const server = await stage.listen(() => answer(200), { tls });
    expect(await open({ mayBeInternal: () => false }).speaksTls(new URL(server.url))).toBe(false);
    await server.close();
    expect(await open().speaksTls(new URL(server.url))).toBe(false);
  });

  test('serves exchanges, also to an IPv6 address', async () => {
    const server = await stage.listen(() => answer(200), { tls });
    expect((await open().send(to(server.url))).status).toBe(200);
    await expect(open().send(to('https://[::1]:1/'))).rejects.toMatchObject({
      code: expect.stringContaining('E'),
    });
  });
});

test.each<[string, Exchange['body'], boolean]>([
  ['nothing', undefined, false],
  ['text', 'a', false],
  ['bytes', Buffer.from('a'), false],
  ['a stream', Readable.from(['a']), true],
])('%s can be sent but once: %s', (_name, body, once) => {
  expect(isStream(body)).toBe(once);
});

test('of a header with several values the first counts', () => {
  expect(headerOf({ headers: { a: ['1', '2'], b: '3' } }, 'a')).toBe('1');
  expect(headerOf({ headers: { a: ['1', '2'], b: '3' } }, 'b')).toBe('3');
  expect(headerOf({ headers: {} }, 'a')).toBeUndefined();
});
