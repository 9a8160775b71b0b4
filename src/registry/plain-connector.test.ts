import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { randomBytes } from '../../test/images/random-bytes.ts';
import { ReadBuffers } from '../buffers/read-buffers.ts';
import { guardedLookup } from './address-guard.ts';
import { plainConnector } from './plain-connector.ts';

afterEach(() => vi.useRealTimers());

const TIMEOUT_MS = 5_000;
const MIB = 1024 * 1024;

interface Target {
  readonly hostname: string;
  readonly port: string;
}

/** Connects as undici asks for it. @returns what it is told in the end */
async function connect(
  target: Target,
  lookup = guardedLookup(() => true),
  buffers = new ReadBuffers(),
): Promise<{ error: unknown; socket: Socket | null }> {
  const connector = plainConnector({ timeout: TIMEOUT_MS, lookup, buffers });
  return new Promise((resolve) => {
    connector({ ...target, protocol: 'http:' }, (error, socket) => resolve({ error, socket }));
  });
}

/** @returns the port of a server that serves each connection so */
async function listening(serve: (socket: Socket) => void = () => {}): Promise<string> {
  const server = createServer((socket) => serve(socket.on('error', () => {}))).listen(0, '127.0.0.1');
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

test('who does not answer is given up', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const asked = Promise.withResolvers<void>();
  const given = connect({ hostname: 'registry.test', port: '80' }, () => asked.resolve());
  await asked.promise;
  vi.advanceTimersByTime(TIMEOUT_MS);
  expect(await given).toMatchObject({ error: { code: 'UND_ERR_CONNECT_TIMEOUT' }, socket: null });
});

test('the wait ends with the connection', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { socket } = await connect({ hostname: '127.0.0.1', port: await listening() });
  vi.advanceTimersByTime(10 * TIMEOUT_MS);
  expect(socket?.destroyed).toBe(false);
  socket?.destroy();
});

/** @returns a connection to a server that sends this, and then ends */
async function reading(buffers: ReadBuffers, content: Buffer): Promise<Socket> {
  const port = await listening((socket) => socket.end(content));
  const { socket } = await connect({ hostname: '127.0.0.1', port }, undefined, buffers);
  if (socket === null) throw new Error('want a connection');
  return socket;
}

describe('what is read', () => {
  test('is what was sent, to the last byte', async () => {
    const content = Buffer.concat([...randomBytes(1, 5 * MIB + 17)]);
    expect((await buffer(await reading(new ReadBuffers(), content))).equals(content)).toBe(true);
  });

  test('stays as it is for who keeps it, while the buffers of others are used again', async () => {
    const content = Buffer.concat([...randomBytes(2, 4 * MIB)]);
    const buffers = new ReadBuffers();
    const kept = buffer(await reading(buffers, content));
    const other = await reading(buffers, Buffer.alloc(8 * MIB, 1));
    for await (const chunk of other) buffers.giveBack(chunk);
    expect((await kept).equals(content)).toBe(true);
  });

  test('goes through a few buffers where each is given back, however much it is', async () => {
    const buffers = new ReadBuffers();
    const used = new Set<ArrayBufferLike>();
    let bytes = 0;
    for await (const chunk of await reading(buffers, Buffer.alloc(64 * MIB, 1))) {
      bytes += chunk.length;
      used.add(chunk.buffer);
      buffers.giveBack(chunk);
    }
    expect(bytes).toBe(64 * MIB);
    // Each read in a buffer of its own would be 128 at the least.
    expect(used.size).toBeLessThan(64);
  });

  test('is no more than the reader wants', async () => {
    const isTaken = Promise.withResolvers<boolean>();
    const port = await listening((socket) => isTaken.resolve(socket.write(Buffer.alloc(64 * MIB))));
    const { socket } = await connect({ hostname: '127.0.0.1', port });
    expect(await isTaken.promise).toBe(false);
    if (socket === null) throw new Error('want a connection');
    await once(socket, 'readable');
    expect(socket.readableLength).toBeLessThan(2 * MIB);
    socket.destroy();
  });
});
