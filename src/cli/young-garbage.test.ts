import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { limitYoungGarbage } from './young-garbage.ts';

const PIECE = 64 * 1024;
const MIB = 1024 * 1024;

/** The most that buffers held at one time while half a gigabyte of them went by. */
async function mostWhileFlowing(): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let piece = 0; piece < 8_000; piece++) {
    const { byteLength } = new ArrayBuffer(PIECE);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before + byteLength - PIECE);
    if (piece % 10 === 0) await setImmediate();
  }
  return most;
}

test('buffers that nobody holds on to do not gather', async () => {
  limitYoungGarbage();
  expect(await mostWhileFlowing()).toBeLessThan(24 * MIB);
});
