import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

/** In a thread of its own, with nothing but calls that block: states change between any two steps of a reader. */
const WRITER = `
const fs = require('node:fs');
const { join } = require('node:path');
const { parentPort, workerData: { dir } } = require('node:worker_threads');
for (let state = 1; ; state += 1) {
  const next = '..state_' + state;
  fs.mkdirSync(join(dir, next));
  for (const key of ['username', 'password']) fs.writeFileSync(join(dir, next, key), String(state));
  fs.symlinkSync(next, join(dir, '..data_tmp'));
  fs.renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
  fs.rmSync(join(dir, '..state_' + (state - 1)), { recursive: true, force: true });
  if (state === 1) parentPort.postMessage('there');
}
`;

/** Mounts a Secret whose keys `username` and `password` are equal, and replaces it without a pause until the test is over. */
export async function mountRestlessSecret(dir: string): Promise<void> {
  const writer = new Worker(WRITER, { eval: true, workerData: { dir } });
  onTestFinished(() => void writer.terminate());
  await once(writer, 'message');
}
