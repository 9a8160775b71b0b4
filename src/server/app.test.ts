import { describe, expect, test } from 'vitest';
import { ask, begin, exchange, openConnection, replyTo } from '../../test/fakes/https-client.ts';
import { type ServedApp, serveApp } from '../../test/fakes/served-app.ts';
import type { ReviewContext } from './review-route.ts';

async function sample(app: ServedApp, name: string): Promise<number> {
  const { body } = await app.metrics.render();
  const line = body.split('\n').find((candidate) => candidate.startsWith(`image_cloner_${name} `));
  return Number(line?.split(' ')[1]);
}

describe('a review', () => {
  test('gets the body, the content type and the timeout, and its answer is sent', async () => {
    const seen: unknown[] = [];
    const app = await serveApp({
      review: async (body, { contentType, timeout }) => {
        seen.push(Buffer.from(body).toString(), contentType, timeout);
        return { status: 200, body: '{"ok":true}' };
      },
    });
    const reply = await ask(app, {
      method: 'POST',
      path: '/clone-image?timeout=10s',
      headers: { 'content-type': 'application/json' },
      body: '{"a":1}',
    });
    expect(seen).toEqual(['{"a":1}', 'application/json', '10s']);
    expect(reply).toMatchObject({ status: 200, body: '{"ok":true}' });
    expect(reply.headers['content-type']).toMatch(/^application\/json/);
  });

  test('may answer bytes, also a window into a larger buffer', async () => {
    const whole = Buffer.from('xx{"a":1}xx');
    const app = await serveApp({
      review: async () => ({ status: 200, body: new Uint8Array(whole.buffer, whole.byteOffset + 2, 7) }),
    });
    expect((await ask(app, { method: 'POST', path: '/clone-image' })).body).toBe('{"a":1}');
  });

  test('may answer with another status', async () => {
    const app = await serveApp({ review: async () => ({ status: 400, body: '{"error":"x"}' }) });
    expect(await ask(app, { method: 'POST', path: '/clone-image' })).toMatchObject({
      status: 400,
      body: '{"error":"x"}',
    });
  });

  test.each([
    ['/clone-image', undefined],
    ['/clone-image?', undefined],
    ['/clone-image?timeout=', ''],
    ['/clone-image?timeout=1s&timeout=2s', '1s'],
    ['/clone-image?x=1&timeout=5s?', '5s?'],
    ['/clone-image?timeout=%ff', '\uFFFD'],
  ])('is told of %s the timeout %j', async (path, timeout) => {
    const seen: unknown[] = [];
    const app = await serveApp({
      review: async (_body, context) => {
        seen.push(context.timeout);
        return { status: 200, body: '{}' };
      },
    });
    await ask(app, { method: 'POST', path });
    expect(seen).toEqual([timeout]);
  });

  test('that throws is answered 500 without a word of what went wrong, logged, counted, and the next one is served', async () => {
    let calls = 0;
    const app = await serveApp({
      review: async () => {
        calls += 1;
        if (calls === 1) throw new TypeError('secret detail');
        return { status: 200, body: '{}' };
      },
    });
    const reply = await ask(app, { method: 'POST', path: '/clone-image' });
    expect(reply.status).toBe(500);
    expect(JSON.parse(reply.body)).toEqual({ code: 'INTERNAL', error: 'Cannot answer this request' });
    expect(app.log.records).toMatchObject([
      {
        level: 'error',
        message: 'Request failed',
        fields: { path: '/clone-image', status: 500, error: { message: 'secret detail' } },
      },
    ]);
    expect(await sample(app, 'admission_requests_total{outcome="errored"}')).toBe(1);
    expect((await ask(app, { method: 'POST', path: '/clone-image' })).status).toBe(200);
  });

  test.each([undefined, null, 'text', 7, {}])('that rejects with %j is answered 500', async (thrown) => {
    const app = await serveApp({ review: () => Promise.reject(thrown) });
    expect((await ask(app, { method: 'POST', path: '/clone-image' })).status).toBe(500);
  });

  test('that throws before it returns a promise is answered 500', async () => {
    const app = await serveApp({
      review: () => {
        throw new RangeError('at once');
      },
    });
    expect((await ask(app, { method: 'POST', path: '/clone-image' })).status).toBe(500);
  });

  test('is counted as in flight while it lasts, and its time is measured', async () => {
    const open = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const app = await serveApp({
      review: async () => {
        entered.resolve();
        await open.promise;
        return { status: 200, body: '{}' };
      },
    });
    const reply = ask(app, { method: 'POST', path: '/clone-image' });
    await entered.promise;
    expect(await sample(app, 'admission_in_flight')).toBe(1);
    open.resolve();
    await reply;
    expect(await sample(app, 'admission_in_flight')).toBe(0);
    expect(await sample(app, 'admission_duration_seconds_count')).toBe(1);
  });

  test('learns that its client has gone', async () => {
    const context = Promise.withResolvers<ReviewContext>();
    const app = await serveApp({
      review: async (_body, given) => {
        context.resolve(given);
        await new Promise<void>((resolve) => given.signal.addEventListener('abort', () => resolve()));
        return { status: 200, body: '{}' };
      },
    });
    const outgoing = begin(app, { method: 'POST', path: '/clone-image' });
    outgoing.on('error', () => {});
    outgoing.end('{}');
    const { signal } = await context.promise;
    expect(signal.aborted).toBe(false);
    outgoing.destroy();
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve());
    });
    expect((await ask(app, { path: '/livez' })).status).toBe(200);
  });

  test('is not told so when its client got the answer', async () => {
    let signal: AbortSignal | undefined;
    const app = await serveApp({
      review: async (_body, context) => {
        signal = context.signal;
        return { status: 200, body: '{}' };
      },
    });
    await ask(app, { method: 'POST', path: '/clone-image' });
    await ask(app, { path: '/livez' });
    expect(signal?.aborted).toBe(false);
  });
});

describe('health', () => {
  test.each(['/readyz', '/readz', '/livez'])('%s answers OK', async (path) => {
    const app = await serveApp();
    expect(await ask(app, { path })).toMatchObject({ status: 200, body: 'OK' });
    expect(await ask(app, { path, method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(await ask(app, { path: `${path}?verbose` })).toMatchObject({ status: 200, body: 'OK' });
  });

  test('while stopping says not ready, alive, and still reviews; each answer closes its connection', async () => {
    const app = await serveApp();
    expect(
      (await ask(app, { path: '/readyz', headers: { connection: 'keep-alive' } })).headers.connection,
    ).toBe('keep-alive');
    app.readiness.stop();
    const answers = [
      await ask(app, { path: '/readyz' }),
      await ask(app, { path: '/readz' }),
      await ask(app, { path: '/livez' }),
      await ask(app, { path: '/clone-image', method: 'POST', body: '{}' }),
      await ask(app, { path: '/nowhere' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 200, 200, 404]);
    expect(answers.map(({ headers }) => headers.connection)).toEqual(Array.from(answers, () => 'close'));
    expect(answers[0]?.body).toBe('stopping');
  });

  test('a review under way when stopping begins closes its connection', async () => {
    const open = Promise.withResolvers<void>();
    const app = await serveApp({
      review: async () => {
        app.readiness.stop();
        await open.promise;
        return { status: 200, body: '{}' };
      },
    });
    const outgoing = begin(app, {
      method: 'POST',
      path: '/clone-image',
      headers: { connection: 'keep-alive' },
    });
    outgoing.end('{}');
    open.resolve();
    expect((await replyTo(outgoing)).headers.connection).toBe('close');
  });
});

describe('a request for something else', () => {
  test.each([
    ['GET', '/clone-image', 'POST'],
    ['HEAD', '/clone-image', 'POST'],
    ['PUT', '/clone-image', 'POST'],
    ['OPTIONS', '/clone-image', 'POST'],
    ['DELETE', '/clone-image', 'POST'],
    ['POST', '/readyz', 'GET, HEAD'],
    ['POST', '/livez', 'GET, HEAD'],
    ['PATCH', '/readz', 'GET, HEAD'],
  ])('%s %s is 405 and says what is allowed', async (method, path, allow) => {
    const app = await serveApp();
    const reply = await ask(app, { method, path });
    expect([reply.status, reply.headers.allow]).toEqual([405, allow]);
    expect(reply.body).toMatch(method === 'HEAD' ? /^$/ : /"code":"METHOD_NOT_ALLOWED"/);
  });

  test.each([
    '/',
    '/clone-image/',
    '/CLONE-IMAGE',
    '/clone%2Dimage',
    '/./clone-image',
    '//clone-image',
    '/metrics',
    '/readyz/',
    '/healthz',
    '/__proto__',
    '/constructor',
    '/%',
    '/%ff',
    `/${'x'.repeat(8000)}`,
  ])('%.40s is 404 in short JSON', async (path) => {
    const app = await serveApp();
    const reply = await ask(app, { path });
    expect(reply.status).toBe(404);
    expect(JSON.parse(reply.body)).toEqual({ code: 'NOT_FOUND', error: 'Cannot find anything at this path' });
    expect(String(app.log.records[0]?.fields.path).length).toBeLessThanOrEqual(100);
  });

  test.each([
    ['a target that is no path', 'GET x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 400],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
    ['two slashes', 'GET // HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
    ['a broken address', 'GET http://[::1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
    ['an absolute target', 'GET https://a/readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
    ['control characters', 'GET /\u0001 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 400],
    ['no host', 'GET /readyz HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['no HTTP', 'hello there\r\n\r\n', 400],
    ['an unknown method', 'BREW /readyz HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    [
      'two lengths',
      'POST /clone-image HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx',
      400,
    ],
    [
      'a length beside chunks',
      'POST /clone-image HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a negative length', 'POST /clone-image HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n', 400],
    [
      'a length beyond counting',
      `POST /clone-image HTTP/1.1\r\nhost: a\r\ncontent-length: ${'9'.repeat(30)}\r\n\r\n`,
      400,
    ],
    [
      'a broken chunk',
      'POST /clone-image HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
  ])('with %s does no harm', async (_name, bytes, status) => {
    const app = await serveApp();
    const reply = await exchange(app, bytes);
    expect(reply).toContain(`HTTP/1.1 ${status} `);
    expect((await ask(app, { path: '/readyz' })).status).toBe(200);
  });

  test('with a header without end does no harm', async () => {
    const app = await serveApp();
    const reply = await exchange(app, `GET /readyz HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(100_000)}`);
    // The answer is lost where the connection is cut while the client still sends.
    expect(reply).toMatch(/^(?:HTTP\/1\.1 431 |$)/);
    expect((await ask(app, { path: '/readyz' })).status).toBe(200);
  });

  test('plain HTTP on the TLS port does no harm', async () => {
    const app = await serveApp();
    const { connect } = await import('node:net');
    const socket = connect(app.port, '127.0.0.1', () => socket.write('GET /readyz HTTP/1.1\r\n\r\n'));
    socket.on('error', () => {});
    await new Promise<void>((resolve) => void socket.resume().once('close', () => resolve()));
    expect((await ask(app, { path: '/readyz' })).status).toBe(200);
  });

  test('a connection that is cut at once does no harm', async () => {
    const app = await serveApp();
    const socket = await openConnection(app);
    socket.write('POST /clone-image HTTP/1.1\r\nhost: a\r\n');
    socket.destroy();
    expect((await ask(app, { path: '/readyz' })).status).toBe(200);
  });
});
