import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { randomBytes } from '../../test/images/random-bytes.ts';
import { PlainSocket } from './plain-socket.ts';
import { ReadBuffers } from './read-buffers.ts';

const MIB = 1024 * 1024;

/** @returns the port of a server that serves each connection so */
async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => onConnection(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('want a port');
  return address.port;
}

async function connect(buffers: ReadBuffers, port: number): Promise<PlainSocket> {
  const socket = new PlainSocket(buffers);
  socket.connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** @returns the port of a server that sends this to whoever comes, and then ends */
function sending(content: Buffer): Promise<number> {
  return serve((socket) => void socket.end(content));
}

test('what it reads is what was sent, to the last byte', async () => {
  const content = Buffer.concat([...randomBytes(1, 5 * MIB + 17)]);
  const socket = await connect(new ReadBuffers(), await sending(content));
  expect((await buffer(socket)).equals(content)).toBe(true);
});

test('what is kept stays as it was read, while others send what they read', async () => {
  const content = Buffer.concat([...randomBytes(2, 4 * MIB)]);
  const buffers = new ReadBuffers();
  const kept = buffer(await connect(buffers, await sending(content)));
  await relay(buffers, Buffer.alloc(8 * MIB, 1));
  expect((await kept).equals(content)).toBe(true);
});

/** Sends what one socket reads through another. @returns what arrived, and how many buffers it went through */
async function relay(buffers: ReadBuffers, content: Buffer): Promise<{ arrived: Buffer; used: number }> {
  const arrived = Promise.withResolvers<Buffer>();
  const reader = await connect(buffers, await sending(content));
  const writer = await connect(buffers, await serve((socket) => arrived.resolve(buffer(socket))));
  const used = new Set<ArrayBufferLike>();
  reader.on('data', (chunk: Buffer) => used.add(chunk.buffer));
  reader.pipe(writer);
  return { arrived: await arrived.promise, used: used.size };
}

test('what is sent on goes through a few buffers, however much it is', async () => {
  const content = Buffer.concat([...randomBytes(3, 64 * MIB)]);
  const { arrived, used } = await relay(new ReadBuffers(), content);
  expect(arrived.equals(content)).toBe(true);
  // Each read in a buffer of its own would be 128 at the least.
  expect(used).toBeLessThan(64);
});

test('several pieces that are sent at once all come back', async () => {
  const buffers = new ReadBuffers();
  const arrived = Promise.withResolvers<Buffer>();
  const socket = await connect(buffers, await serve((peer) => arrived.resolve(buffer(peer))));
  const chunks = [1, 2, 3].map((value) => {
    const taken = buffers.take().fill(value);
    return buffers.lend(taken, taken.length);
  });
  const wanted = Buffer.concat(['head', ...chunks].map((chunk) => Buffer.from(chunk)));
  socket.cork();
  socket.write('head', 'latin1');
  for (const chunk of chunks) socket.write(chunk);
  socket.uncork();
  socket.end();
  expect((await arrived.promise).equals(wanted)).toBe(true);
  const free = [1, 2, 3].map(() => buffers.take().buffer);
  expect(new Set(free)).toEqual(new Set(chunks.map(({ buffer: own }) => own)));
});

test('what could not be sent is not used again', async () => {
  const buffers = new ReadBuffers();
  const socket = await connect(buffers, await serve(() => {}));
  const taken = buffers.take().fill(7);
  const chunk = buffers.lend(taken, taken.length);
  socket.on('error', () => {}).destroy();
  const failed = Promise.withResolvers<Error | null | undefined>();
  socket.write(chunk, failed.resolve);
  expect(await failed.promise).toBeInstanceOf(Error);
  expect(buffers.take().buffer).not.toBe(chunk.buffer);
});

test('a reader that has enough holds the sender back', async () => {
  const sent = Promise.withResolvers<boolean>();
  const port = await serve((socket) => sent.resolve(socket.write(Buffer.alloc(64 * MIB))));
  const socket = await connect(new ReadBuffers(), port);
  expect(await sent.promise).toBe(false);
  await once(socket, 'readable');
  expect(socket.readableLength).toBeLessThan(2 * MIB);
});
