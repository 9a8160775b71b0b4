import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { limitYoungGarbage } from './young-garbage.ts';

const PIECE = 64 * 1024;
const PIECES = 8_000;
const MIB = 1024 * 1024;

/** What buffers held half of the time while half a gigabyte of them went by; on a busy machine a few more stay for a while. */
async function heldWhileFlowing(): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  const held: number[] = [];
  for (let piece = 0; piece < PIECES; piece++) {
    const { byteLength } = new ArrayBuffer(PIECE);
    held.push(process.memoryUsage().arrayBuffers - before + byteLength - PIECE);
    if (piece % 10 === 0) await setImmediate();
  }
  return held.toSorted((one, other) => one - other)[PIECES / 2] ?? Number.NaN;
}

test('buffers that nobody holds on to do not gather: 2 MiB in the place of 32', async () => {
  limitYoungGarbage();
  expect(await heldWhileFlowing()).toBeLessThan(16 * MIB);
});
