import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { guardedLookup } from './address-guard.ts';
import { plainConnector } from './plain-connector.ts';

afterEach(() => vi.useRealTimers());

const TIMEOUT_MS = 5_000;

interface Target {
  readonly hostname: string;
  readonly port: string;
}

/** Connects as undici asks for it. @returns what it is told in the end */
async function connect(
  target: Target,
  lookup = guardedLookup(() => true),
): Promise<{ error: unknown; socket: Socket | null }> {
  const connector = plainConnector({ timeout: TIMEOUT_MS, lookup });
  return new Promise((resolve) => {
    connector({ ...target, protocol: 'http:' }, (error, socket) => resolve({ error, socket }));
  });
}

async function listening(host = '127.0.0.1'): Promise<string> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('want a port');
  return String(address.port);
}

test.each(['127.0.0.1', 'localhost'])(
  'a socket to %s is handed over once it is connected',
  async (hostname) => {
    const { socket } = await connect({ hostname, port: await listening() });
    expect([socket?.readyState, socket?.listenerCount('error')]).toEqual(['open', 0]);
    socket?.destroy();
  },
);

test('a port where nobody listens is a refusal', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  await new Promise((done) => server.close(done));
  expect(await connect({ hostname: '127.0.0.1', port })).toMatchObject({ error: { code: 'ECONNREFUSED' } });
});

test('a name that leads inside is no way in', async () => {
  const lookup = guardedLookup(() => false);
  const { error } = await connect({ hostname: 'localhost', port: await listening() }, lookup);
  expect(error).toMatchObject({ code: 'FORBIDDEN_HOP' });
});

test('without a port it is that of HTTP', async () => {
  // A name that is never found: what is asked for is only whether it got that far without a port.
  const { error } = await connect({ hostname: 'registry.invalid', port: '' }, (_name, _options, found) =>
    found(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), ''),
  );
  expect(error).toMatchObject({ code: 'ENOTFOUND' });
});

test('who does not answer is given up, and nothing is left behind', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const asked = Promise.withResolvers<void>();
  const given = connect({ hostname: 'registry.test', port: '80' }, () => asked.resolve());
  await asked.promise;
  vi.advanceTimersByTime(TIMEOUT_MS);
  expect(await given).toMatchObject({ error: { code: 'UND_ERR_CONNECT_TIMEOUT' }, socket: null });
  expect(vi.getTimerCount()).toBe(0);
});

test('the wait ends with the connection', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { socket } = await connect({ hostname: '127.0.0.1', port: await listening() });
  expect(vi.getTimerCount()).toBe(0);
  socket?.destroy();
});
