import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { ReadBuffers } from '../buffers/read-buffers.ts';
import { giveBackWhatIsSent } from './sent-chunks.ts';

interface Scene {
  readonly buffers: ReadBuffers;
  readonly socket: Socket;
  /** All that the other end got. */
  readonly arrived: Promise<Buffer>;
}

/** @param reads does the other end read what it is sent? */
async function connected({ reads = true } = {}): Promise<Scene> {
  const arrived = Promise.withResolvers<Buffer>();
  const server = createServer((peer) => {
    if (reads) arrived.resolve(buffer(peer));
    else onTestFinished(() => void peer.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('want a port');
  const buffers = new ReadBuffers();
  const socket = new Socket();
  onTestFinished(() => void socket.destroy());
  giveBackWhatIsSent(socket, buffers);
  await once(socket.connect({ host: '127.0.0.1', port: address.port }), 'connect');
  return { buffers, socket, arrived: arrived.promise };
}

/** A chunk as a socket reads it: a whole buffer with this value. */
function read(buffers: ReadBuffers, value: number): Buffer {
  const taken = buffers.take().fill(value);
  return buffers.lend(taken);
}

test('a chunk that was sent is free for the next read, and arrives as it was', async () => {
  const { buffers, socket, arrived } = await connected();
  const chunk = read(buffers, 7);
  const wanted = Buffer.from(chunk);
  await new Promise((sent) => socket.write(chunk, sent));
  expect(buffers.take().buffer).toBe(chunk.buffer);
  socket.end();
  expect((await arrived).equals(wanted)).toBe(true);
});

test('several that are sent at once, with text between them, all come back', async () => {
  const { buffers, socket, arrived } = await connected();
  const chunks = [1, 2, 3].map((value) => read(buffers, value));
  const wanted = Buffer.concat(['head', ...chunks].map((chunk) => Buffer.from(chunk)));
  socket.cork();
  socket.write('head', 'latin1');
  for (const chunk of chunks) socket.write(chunk);
  socket.uncork();
  socket.end();
  expect((await arrived).equals(wanted)).toBe(true);
  const free = [1, 2, 3].map(() => buffers.take().buffer);
  expect(new Set(free)).toEqual(new Set(chunks.map(({ buffer: own }) => own)));
});

test('not before all of it is sent', async () => {
  const { buffers, socket } = await connected({ reads: false });
  const chunks = Array.from({ length: 64 }, (_, value) => read(buffers, value));
  const sent = new Set<ArrayBufferLike>();
  for (const chunk of chunks) socket.write(chunk, () => sent.add(chunk.buffer));
  await new Promise((turn) => setImmediate(turn));
  const waiting = chunks.map(({ buffer: own }) => own).filter((own) => !sent.has(own));
  // The system takes a few MiB for an end that reads nothing.
  expect(waiting.length).toBeGreaterThan(0);
  const free = new Set(chunks.map(() => buffers.take().buffer));
  expect(waiting.filter((own) => free.has(own))).toEqual([]);
});

test('what could not be sent is not used again', async () => {
  const { buffers, socket } = await connected();
  const chunk = read(buffers, 7);
  socket.on('error', () => {}).destroy();
  const failed = await new Promise((resolve) => socket.write(chunk, resolve));
  expect(failed).toBeInstanceOf(Error);
  expect(buffers.take().buffer).not.toBe(chunk.buffer);
});
