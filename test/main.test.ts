import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempFolder } from './fakes/temp-folder.ts';
import { containers, pod } from './workloads.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
/** More than any pipe takes at once. */
const MANY = 20_000;

test('what is written to a pipe arrives before the process ends, however much it is', async () => {
  const file = join(await tempFolder(), 'pod.json');
  const images = Array.from({ length: MANY }, (_, index) => `app:${index}`);
  await writeFile(file, JSON.stringify(pod(containers(...images))));
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'plan', '-f', file, '--json'], {
    env: { REGISTRY: 'registry.example.com/backup' },
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  expect(JSON.parse(stdout)).toHaveLength(MANY);
});
