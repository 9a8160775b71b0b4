import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const MODULE = new URL('short-life.ts', import.meta.url).href;

/** `(func (export "f") (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))` */
const WASM = [
  [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  [0x01, 0x05, 0x01, 0x60, 0x01, 0x7f, 0x00],
  [0x03, 0x02, 0x01, 0x00],
  [0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
  [
    0x0a, 0x10, 0x01, 0x0e, 0x00, 0x03, 0x40, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b,
    0x0b,
  ],
].flat();

/** Prints after how many loops of 200,000 turns V8 had compiled a function anew, at most a hundred. */
const LOOPS = `
  const bytes = Uint8Array.from(${JSON.stringify(WASM)});
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  let loops = 0;
  while (loops < 100 && !%IsTurboFanFunction(f)) {
    loops += 1;
    f(200_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  console.log(loops);
`;

/** In a process of its own: options of V8 are for all that runs in it. */
async function loopsUntilCompiledAnew(preparation: string): Promise<number> {
  const args = ['--allow-natives-syntax', '--input-type=module', '--eval', `${preparation}${LOOPS}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout);
}

test('WebAssembly is not compiled anew while a command runs', async () => {
  const expecting = `const { expectShortLife } = await import(${JSON.stringify(MODULE)}); expectShortLife();`;
  expect(await loopsUntilCompiledAnew('')).toBeLessThan(100);
  expect(await loopsUntilCompiledAnew(expecting)).toBe(100);
});
