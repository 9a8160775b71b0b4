import { cpSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from './cloner.ts';
import { output } from './harness/command.ts';
import { WorkFolder } from './harness/work-folder.ts';

describe('what is shipped, far from the packages of this checkout', () => {
  const folder = new WorkFolder('bundle');

  beforeAll(async () => {
    const dist = dirname(await build());
    cpSync(dist, folder.file('dist'), { recursive: true });
    cpSync(join(dist, '../package.json'), folder.file('package.json'));
  });

  afterAll(() => folder.remove());

  it('starts, and says its version', async () => {
    expect(await output(process.execPath, [folder.file('dist/main.cjs'), '--version'])).toMatch(/^\d+\./);
  });

  // What is loaded late fails late: clients of daemons and clusters.
  it('can load each of its files', async () => {
    const chunks = readdirSync(folder.file('dist/chunks')).filter((name) => name.endsWith('.cjs'));
    const urls = chunks.map((name) => pathToFileURL(folder.file(`dist/chunks/${name}`)).href);
    const loads = urls.map((url) => `await import(${JSON.stringify(url)});`).join('\n');
    await output(process.execPath, ['--input-type=module', '--eval', loads]);
    expect(chunks.length).toBeGreaterThan(20);
  });
});
