import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { answer, redirect } from '../../test/fakes/answer.ts';
import type { Handle, Listener } from '../../test/fakes/listener.ts';
import { never, trustedCertificate, useStage } from '../../test/fakes/stage.ts';
import { resolveHop, sendFollowing } from './redirect.ts';
import { type Answer, type Exchange, readUpTo, Transport } from './transport.ts';

const stage = useStage();
const operation = 'read blob';
const opened: Transport[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

function follow(url: string, exchange: Partial<Exchange> = {}): Promise<Answer> {
  const transport = new Transport({ mayBeInternal: () => true, connections: 1 });
  opened.push(transport);
  const target = new URL(url);
  const whole = {
    method: 'GET',
    url: target,
    home: target.hostname,
    headers: {},
    signal: never,
    ...exchange,
  } as const;
  return sendFollowing(transport, whole, operation);
}

/** Redirects `/` and answers everything else. */
function redirecting(status: 301 | 302 | 303 | 307 | 308, location: string): Handle {
  return ({ path }) => (path === '/' ? redirect(status, location) : answer(200, {}, 'there'));
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const;

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308] as const)('%i is followed for GET and HEAD', async (status) => {
    const server = await stage.listen(redirecting(status, '/there?a=1'));
    const got = await follow(`${server.url}/`);
    expect([got.status, got.url.href, String(await readUpTo(got, 10))]).toEqual([
      200,
      `${server.url}/there?a=1`,
      'there',
    ]);
    expect((await follow(`${server.url}/`, { method: 'HEAD' })).status).toBe(200);
    expect(server.requests().map(({ method }) => method)).toEqual(['GET', 'GET', 'HEAD', 'HEAD']);
  });

  test('within an origin keep what says who we are', async () => {
    const server = await stage.listen(redirecting(307, '/there'));
    await follow(`${server.url}/`, { headers: { authorization: 'Basic YTpi' } });
    expect(server.requests().map(({ headers }) => headers['authorization'])).toEqual([
      'Basic YTpi',
      'Basic YTpi',
    ]);
  });

  test.each(METHODS)('307 and 308 are followed for %s with its body', async (method) => {
    const body = method === 'POST' || method === 'PUT' ? { body: 'payload' } : {};
    const server = await stage.listen(redirecting(307, '/there'));
    expect((await follow(`${server.url}/`, { method, ...body })).status).toBe(200);
    expect(server.requests().map((request) => [request.method, request.path])).toEqual([
      [method, '/'],
      [method, '/there'],
    ]);
  });

  test.each([301, 302, 303] as const)(
    '%i would turn other methods into GET, and is an answer',
    async (status) => {
      const server = await stage.listen(redirecting(status, '/there'));
      expect((await follow(`${server.url}/`, { method: 'POST' })).status).toBe(status);
      expect((await follow(`${server.url}/`, { method: 'DELETE' })).status).toBe(status);
      expect(server.requests()).toHaveLength(2);
    },
  );

  test('a body that can be sent but once goes to the first address only', async () => {
    const server = await stage.listen(redirecting(307, '/there'));
    const got = await follow(`${server.url}/`, {
      method: 'PUT',
      body: Readable.from(['a'], { objectMode: false }),
    });
    expect([got.status, server.requests().length]).toEqual([307, 1]);
  });

  test('without a Location is an answer', async () => {
    const server = await stage.listen(() => answer(302));
    expect((await follow(server.url)).status).toBe(302);
  });

  test('are relative to the one before', async () => {
    const server = await stage.listen(({ path }) => {
      if (path === '/a/b') return redirect(302, 'c/d');
      return path === '/a/c/d' ? redirect(302, '../e') : answer(200);
    });
    expect((await follow(`${server.url}/a/b`)).url.pathname).toBe('/a/e');
  });

  test('end after ten', async () => {
    const server = await stage.listen(({ path }) => redirect(302, `${path}x`));
    await expect(follow(`${server.url}/`)).rejects.toMatchObject({ code: 'PROTOCOL', operation });
    expect(server.requests()).toHaveLength(11);
  });

  test('cost no connection each: their bodies are read', async () => {
    const server = await stage.listen(({ path }) =>
      path === '/xxxxx' ? answer(200) : { ...redirect(302, `${path}x`), body: Buffer.alloc(100_000) },
    );
    await follow(`${server.url}/`);
    expect([server.requests().length, server.connections()]).toEqual([6, 1]);
  });
});

describe('credentials on the way', async () => {
  const tls = await trustedCertificate();
  const headers = {
    authorization: 'Bearer secret',
    Cookie: 'secret',
    'proxy-authorization': 'secret',
    accept: 'text/x',
  };

  const elsewhere: [string, (first: Listener, second: Listener) => string, boolean][] = [
    ['the same origin', ({ url }) => `${url}/there`, true],
    ['the same origin, relative', () => '/there', true],
    ['another port', (_, { url }) => `${url}/there`, false],
    ['another name of the same server', ({ url }) => `${url.replace('127.0.0.1', 'localhost')}/there`, false],
  ];

  test.each(elsewhere)('to %s: kept is %s', async (_name, locate, kept) => {
    const second = await stage.listen(() => answer(200));
    const first: Listener = await stage.listen(({ path }) =>
      path === '/' ? redirect(307, locate(first, second)) : answer(200),
    );
    await follow(`${first.url}/`, { headers });
    const [last] = [...first.requests('GET', /there/), ...second.requests()];
    expect(last?.headers).toMatchObject({ accept: 'text/x' });
    const { authorization, cookie } = last?.headers ?? {};
    expect([authorization, cookie, last?.headers['proxy-authorization']]).toEqual(
      kept ? ['Bearer secret', 'secret', 'secret'] : [undefined, undefined, undefined],
    );
  });

  test('from http to https on the same host they are dropped: it is another server', async () => {
    const secure = await stage.listen(() => answer(200), { tls });
    const plain = await stage.listen(() => redirect(302, secure.url));
    await follow(plain.url, { headers });
    expect(secure.requests()[0]?.headers.authorization).toBeUndefined();
  });

  test('once dropped they do not come back, not even at home', async () => {
    const away = await stage.listen(({ query }) => redirect(302, query.get('back') ?? ''));
    const home: Listener = await stage.listen(({ path }) =>
      path === '/' ? redirect(302, `${away.url}/?back=${home.url}/back`) : answer(200),
    );
    await follow(`${home.url}/`, { headers });
    expect(home.requests().map((request) => request.headers.authorization)).toEqual([
      'Bearer secret',
      undefined,
    ]);
  });

  test('from https to http nothing is followed', async () => {
    const plain = await stage.listen(() => answer(200));
    const secure = await stage.listen(() => redirect(302, plain.url), { tls });
    await expect(follow(secure.url)).rejects.toMatchObject({ code: 'FORBIDDEN_HOP', operation });
    expect(plain.requests()).toEqual([]);
  });
});

describe('an address that a registry sends', () => {
  const base = new URL('https://registry.example/v2/app/blobs/x?a=1');

  test.each([
    ['https://cdn.example/x?sig=a%2Fb', 'https://cdn.example/x?sig=a%2Fb'],
    ['/x', 'https://registry.example/x'],
    ['x', 'https://registry.example/v2/app/blobs/x'],
    ['?b=2', 'https://registry.example/v2/app/blobs/x?b=2'],
    ['//cdn.example/x', 'https://cdn.example/x'],
    ['https://user:secret@cdn.example/x', 'https://cdn.example/x'],
    ['https://registry.example:443/x', 'https://registry.example/x'],
    ['HTTPS://CDN.example/x', 'https://cdn.example/x'],
  ])('%s', (location, href) => {
    expect(resolveHop(location, base, operation).href).toBe(href);
  });

  test('with the port that goes without saying is the same origin', () => {
    expect(resolveHop('https://registry.example:443/x', base, operation).origin).toBe(base.origin);
    expect(resolveHop('http://a:80/x', new URL('http://a/'), operation).origin).toBe('http://a');
  });

  test.each([
    ['http://registry.example/x', 'FORBIDDEN_HOP'],
    ['http://127.0.0.1/x', 'FORBIDDEN_HOP'],
    ['ftp://registry.example/x', 'PROTOCOL'],
    ['file:///etc/passwd', 'PROTOCOL'],
    ['javascript:alert(1)', 'PROTOCOL'],
    ['data:text/plain,x', 'PROTOCOL'],
    ['https://', 'PROTOCOL'],
    ['https://a:99999/', 'PROTOCOL'],
    ['https://[fe80::1%25eth0]/', 'PROTOCOL'],
  ])('%s is refused', (location, code) => {
    expect(() => resolveHop(location, base, operation)).toThrow(expect.objectContaining({ code, operation }));
  });

  test('is not repeated in the error where it could hold a signature', () => {
    expect(() => resolveHop('http://cdn.example/x?sig=secret', base, operation)).toThrow(
      /^(?!.*secret).*cdn\.example/,
    );
    for (const unusable of ['ftp://cdn.example/x?sig=secret', 'https://cdn.example:99999/?sig=secret'])
      expect(() => resolveHop(unusable, base, operation)).toThrow(/^(?!.*secret).*no http URL/);
  });
});
