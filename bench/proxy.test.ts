import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Agent, request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { answer } from '../test/fakes/answer.ts';
import { type Listener, listen } from '../test/fakes/listener.ts';
import { Proxy, type ProxyOptions } from './proxy.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

/** A server that says what it got, with a proxy in front of it. */
async function startBoth(options: Partial<ProxyOptions> = {}): Promise<{ server: Listener; proxy: Proxy }> {
  const server = await listen(async (incoming) => {
    const body = await incoming.body();
    return answer(200, {}, `${incoming.method} ${incoming.path} ${body.length}`);
  });
  const proxy = await Proxy.start({ upstream: server.host, ...options });
  open.push(server, proxy);
  return { server, proxy };
}

/** A client with one connection, which it keeps. */
function startClient(): Agent {
  const agent = new Agent({ connections: 1 });
  open.push(agent);
  return agent;
}

async function get(proxy: Proxy, dispatcher: Agent, path = '/'): Promise<string> {
  const { body } = await request(`http://${proxy.host}${path}`, { dispatcher });
  return body.text();
}

test('requests with and without bodies go through, one after the other on one connection', async () => {
  const { server, proxy } = await startBoth();
  const dispatcher = startClient();
  const url = `http://${proxy.host}/up`;
  expect(await get(proxy, dispatcher)).toBe('GET / 0');
  const large = await request(url, { dispatcher, method: 'PUT', body: Buffer.alloc(3_000_000) });
  expect(await large.body.text()).toBe('PUT /up 3000000');
  const chunks = Readable.from([Buffer.alloc(70_000), Buffer.alloc(5)]);
  const chunked = await request(url, { dispatcher, method: 'POST', body: chunks });
  expect(await chunked.body.text()).toBe('POST /up 70005');
  expect(await get(proxy, dispatcher)).toBe('GET / 0');
  expect(server.connections()).toBe(1);
  expect(proxy.traffic()).toMatchObject({ requests: 4, connections: 1 });
});

test('the client sees the name of the proxy as its host, and so does the server', async () => {
  const { server, proxy } = await startBoth();
  await get(proxy, startClient());
  expect(server.requests()[0]?.headers.host).toBe(proxy.host);
});

test('bytes are counted in both directions', async () => {
  const { proxy } = await startBoth();
  const dispatcher = startClient();
  const answered = await request(`http://${proxy.host}/`, {
    dispatcher,
    method: 'PUT',
    body: Buffer.alloc(5_000),
  });
  await answered.body.text();
  const { bytesSent, bytesReceived } = proxy.traffic();
  expect(bytesSent).toBeGreaterThan(5_000);
  expect(bytesSent).toBeLessThan(6_000);
  expect(bytesReceived).toBeGreaterThan('PUT / 5000'.length);
  expect(bytesReceived).toBeLessThan(1_000);
});

test('each client connection has one of its own behind the proxy', async () => {
  const { server, proxy } = await startBoth();
  await get(proxy, startClient());
  await get(proxy, startClient());
  expect(server.connections()).toBe(2);
  expect(proxy.traffic()).toMatchObject({ requests: 2, connections: 2 });
});

test('a refused request is answered by the proxy, its body is dropped, and the connection goes on', async () => {
  const refusal = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno';
  const { server, proxy } = await startBoth({
    refuse: ({ target }) => (target === '/closed' ? refusal : undefined),
  });
  const dispatcher = startClient();
  const url = `http://${proxy.host}/closed`;
  const refused = await request(url, { dispatcher, method: 'PUT', body: Buffer.alloc(1_000_000) });
  expect(refused.statusCode).toBe(401);
  expect(await refused.body.text()).toBe('no');
  expect(await get(proxy, dispatcher, '/open')).toBe('GET /open 0');
  expect(server.requests().map(({ path }) => path)).toEqual(['/open']);
  expect(proxy.traffic()).toMatchObject({ requests: 2, connections: 1 });
});

test('every request of a connection is held back, and counted already', async () => {
  const releases: (() => void)[] = [];
  const { server, proxy } = await startBoth({
    hold: () => new Promise<void>((resolve) => releases.push(resolve)),
  });
  const dispatcher = startClient();
  for (const times of [1, 2]) {
    const answered = get(proxy, dispatcher);
    await expect.poll(() => releases).toHaveLength(times);
    expect(server.requests()).toHaveLength(times - 1);
    expect(proxy.traffic().requests).toBe(times);
    releases.at(-1)?.();
    expect(await answered).toBe('GET / 0');
  }
});

test('a client that tries TLS is told at once that there is none, and does not count', async () => {
  const { proxy } = await startBoth({ hold: () => new Promise(() => undefined) });
  const socket = connectTo(proxy);
  socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 0x01]));
  expect(await text(socket)).toMatch(/^HTTP\/1.1 400 /);
  expect(proxy.traffic()).toMatchObject({ requests: 0, connections: 0 });
});

test('when the server goes away its clients are let go', async () => {
  const { server, proxy } = await startBoth();
  const socket = connectTo(proxy);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  await server.close();
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});

test('when the client goes away in the middle of a body the server notices, and others are served', async () => {
  const gone = Promise.withResolvers<unknown>();
  const server = await listen(async (incoming) => {
    await incoming.body().catch(gone.resolve);
    return answer(200, {}, incoming.method);
  });
  const proxy = await Proxy.start({ upstream: server.host });
  open.push(server, proxy);
  const socket = connectTo(proxy);
  socket.write('PUT /half HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n12345');
  await server.seen('PUT');
  socket.destroy();
  expect(await gone.promise).toBeInstanceOf(Error);
  expect(await get(proxy, startClient())).toBe('GET');
});

function connectTo({ host }: Proxy): Socket {
  return connect(Number(new URL(`http://${host}`).port), '127.0.0.1');
}
