import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Digest } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { Layout } from './layout.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'crash-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Pushes one image after the other and says so after each, until it is killed. */
const PUSHER = `
  import { makeImage } from '${fileURLToPath(new URL('../../test/images/image.ts', import.meta.url))}';
  import { pushImage } from '${fileURLToPath(new URL('../../test/images/push.ts', import.meta.url))}';
  import { Layout } from '${fileURLToPath(new URL('layout.ts', import.meta.url))}';
  const [first] = process.argv.slice(-1);
  const layout = await Layout.create(process.argv.at(-2));
  for (let seed = Number(first); ; seed += 1) {
    await pushImage(layout, await makeImage({ layers: [{ size: 3_000_000, seed }] }), 't' + seed);
    console.log(seed);
  }`;

/** Lets a process push and kills it as soon as it has said something so often, in the middle of the next image. */
async function pushAndKill(first: number, images: number): Promise<void> {
  const args = ['--input-type=module-typescript', '--eval', PUSHER, '--', dir, String(first)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += String(text);
    if (said.split('\n').length > images) child.kill('SIGKILL');
  });
  await once(child, 'close');
}

/** Reads everything that a tag leads to; the streams check size and digest. @returns the digests read */
async function readAll(layout: Layout, tag: string): Promise<readonly Digest[]> {
  const { descriptor, bytes } = await layout.fetchReference(tag);
  const { blobs } = parseManifest(bytes, descriptor.mediaType);
  for (const blob of blobs)
    for await (const _ of await layout.fetch(blob, new AbortController().signal)) continue;
  return blobs.map(({ digest }) => digest);
}

test('after every crash each tag leads to a whole image, and pushing goes on', async () => {
  for (const [round, images] of [1, 2, 1].entries()) {
    await pushAndKill(round * 100, images);
    const layout = await Layout.open(dir);
    const tags = await layout.tags();
    expect(
      tags.filter((tag) => Math.floor(Number(tag.slice(1)) / 100) === round).length,
    ).toBeGreaterThanOrEqual(images);
    for (const tag of tags) expect(await readAll(layout, tag)).toHaveLength(2);
  }
});
