import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const MODULE = new URL('young-garbage.ts', import.meta.url).href;

/** Prints what buffers held half of the time while half a gigabyte of them went by, in bytes. */
const FLOW = `
  const before = process.memoryUsage().arrayBuffers;
  const held = [];
  for (let piece = 0; piece < 8000; piece++) {
    const { byteLength } = new ArrayBuffer(65536);
    held.push(process.memoryUsage().arrayBuffers - before + byteLength - 65536);
    if (piece % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  console.log(held.toSorted((one, other) => one - other)[4000]);
`;

/** In a process of its own: the heap of this one has grown with all that was tested before. */
async function heldWhileFlowing(preparation: string): Promise<number> {
  const args = ['--input-type=module', '--eval', `${preparation}${FLOW}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout);
}

test('buffers that nobody holds on to do not gather as they would', async () => {
  const unbound = await heldWhileFlowing('');
  const bound = await heldWhileFlowing(
    `const { limitYoungGarbage } = await import(${JSON.stringify(MODULE)}); limitYoungGarbage();`,
  );
  // A quarter and less where nothing else runs; a busy machine is late with what is to be freed.
  expect(bound).toBeLessThan(0.75 * unbound);
});
