import { expect, test } from 'vitest';
import { ReadBuffers } from './read-buffers.ts';

const WHOLE = new ReadBuffers().take().length;
const MOST_FREE = 16;

/** Reads a piece of this length, filled with this value. */
function read(buffers: ReadBuffers, length: number, value: number): Buffer {
  const buffer = buffers.take();
  buffer.fill(value, 0, length);
  return buffers.lend(buffer.subarray(0, length));
}

function isFilled(chunk: Buffer, value: number): boolean {
  return chunk.every((byte) => byte === value);
}

test.each([
  ['a whole buffer', WHOLE],
  ['most of one', WHOLE - 1],
  ['just enough of one', WHOLE / 4],
])('%s is lent as it is, and used again once it came back', (_name, length) => {
  const buffers = new ReadBuffers();
  const chunk = read(buffers, length, 7);
  expect([chunk.length, isFilled(chunk, 7)]).toEqual([length, true]);
  buffers.giveBack(chunk);
  const next = buffers.take();
  expect([next.buffer === chunk.buffer, next.length]).toEqual([true, WHOLE]);
});

test.each([0, 1, WHOLE / 4 - 1])('a read of %d bytes is copied, and its buffer is free at once', (length) => {
  const buffers = new ReadBuffers();
  const buffer = buffers.take();
  buffer.fill(7);
  const chunk = buffers.lend(buffer.subarray(0, length));
  expect(buffers.take().buffer).toBe(buffer.buffer);
  buffer.fill(8);
  expect([chunk.length, isFilled(chunk, 7)]).toEqual([length, true]);
});

test('the end of a buffer, whose beginning went another way, frees all of it', () => {
  const buffers = new ReadBuffers();
  const buffer = buffers.take().fill(7);
  const chunk = buffers.lend(buffer.subarray(WHOLE / 4));
  expect([chunk.length, isFilled(chunk, 7)]).toEqual([(WHOLE * 3) / 4, true]);
  buffers.giveBack(chunk);
  const next = buffers.take();
  expect([next.buffer === buffer.buffer, next.length]).toEqual([true, WHOLE]);
});

test.each([
  ['a large part', WHOLE / 2],
  ['a small part', 100],
])('%s of a buffer in use is copied', (_name, length) => {
  const buffers = new ReadBuffers();
  const buffer = buffers.take().fill(7);
  const chunk = buffers.copy(buffer.subarray(0, length));
  buffer.fill(8);
  expect([chunk.length, isFilled(chunk, 7)]).toEqual([length, true]);
  expect(buffers.take().buffer).not.toBe(buffer.buffer);
});

test('a large copy goes through the buffers as well', () => {
  const buffers = new ReadBuffers();
  const chunk = buffers.copy(Buffer.alloc(WHOLE / 2, 7));
  buffers.giveBack(chunk);
  expect(buffers.take().buffer).toBe(chunk.buffer);
});

test('what was not given back stays as it is, whatever is read after it', () => {
  const buffers = new ReadBuffers();
  const kept = read(buffers, WHOLE, 1);
  for (let value = 2; value < 50; value++) buffers.giveBack(read(buffers, WHOLE, value));
  expect(isFilled(kept, 1)).toBe(true);
});

test.each<[string, (chunk: Buffer) => Uint8Array]>([
  ['its beginning', (chunk) => chunk.subarray(0, -1)],
  ['its end', (chunk) => chunk.subarray(1)],
  ['nothing of it', (chunk) => chunk.subarray(0, 0)],
  ['another array of its length', (chunk) => new Uint8Array(chunk.length)],
  ['a copy of it', (chunk) => Buffer.from(chunk)],
])('of a chunk %s gives nothing back', (_name, part) => {
  const buffers = new ReadBuffers();
  const chunk = read(buffers, WHOLE, 7);
  buffers.giveBack(part(chunk));
  expect(buffers.take().buffer).not.toBe(chunk.buffer);
  expect(isFilled(chunk, 7)).toBe(true);
});

test('a chunk that is given back twice is free once', () => {
  const buffers = new ReadBuffers();
  const chunk = read(buffers, WHOLE, 7);
  buffers.giveBack(chunk);
  buffers.giveBack(chunk);
  expect(buffers.take().buffer).not.toBe(buffers.take().buffer);
});

test('a buffer that is lent again for less is not free for what it was lent for before', () => {
  const buffers = new ReadBuffers();
  const first = read(buffers, WHOLE, 1);
  buffers.giveBack(first);
  const second = read(buffers, WHOLE / 2, 2);
  expect(second.buffer).toBe(first.buffer);
  buffers.giveBack(first);
  expect(buffers.take().buffer).not.toBe(second.buffer);
});

test('no more are kept than the next reads need', () => {
  const buffers = new ReadBuffers();
  const chunks = Array.from({ length: MOST_FREE + 5 }, (_, index) => read(buffers, WHOLE, index));
  for (const chunk of chunks) buffers.giveBack(chunk);
  const known = new Set(chunks.map(({ buffer }) => buffer));
  const again = chunks.map(() => buffers.take()).filter(({ buffer }) => known.has(buffer));
  expect(again).toHaveLength(MOST_FREE);
});
