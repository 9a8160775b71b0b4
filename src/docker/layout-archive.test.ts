import { existsSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { archiveOf } from '../../test/fakes/docker-archive.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { unpackLayout } from './layout-archive.ts';

const BLOB = `blobs/sha256/${'0'.repeat(64)}`;
const TURNS = 200;

async function* chunksOf(bytes: Buffer, size = bytes.length): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test.each([1, 511, 512, 513, 100_000])('an archive is unpacked from pieces of %i bytes', async (size) => {
  const folder = await tempFolder();
  const files: [string, Buffer][] = [
    [BLOB, Buffer.alloc(3000, 'a')],
    ['index.json', Buffer.from('{}')],
    ['oci-layout', Buffer.alloc(0)],
  ];
  await unpackLayout(chunksOf(archiveOf(files), size), folder, 'save app');
  for (const [name, bytes] of files) expect(await readFile(join(folder, name))).toEqual(bytes);
});

test.each<[string, Buffer]>([
  ['a header of its own making', Buffer.alloc(1024, 'x')],
  ['a file twice', archiveOf([[BLOB, Buffer.from('b')]])],
])('nothing is written any more once %s has made it fail', async (_what, rest) => {
  const folder = await tempFolder();
  const good = archiveOf([[BLOB, Buffer.alloc(3000, 'a')]]).subarray(0, -1024);
  await expect(unpackLayout(chunksOf(Buffer.concat([good, rest])), folder, 'save app')).rejects.toThrow(
    Error,
  );
  rmSync(folder, { recursive: true });
  for (let turns = 0; turns < TURNS; turns += 1) await turn();
  expect(existsSync(folder)).toBe(false);
});

test('what the stream breaks with is what it fails with', async () => {
  const broken = new Error('the daemon went away');
  async function* breaking(): AsyncGenerator<Buffer> {
    yield archiveOf([[BLOB, Buffer.alloc(3000, 'a')]]).subarray(0, 1000);
    throw broken;
  }
  await expect(unpackLayout(breaking(), await tempFolder(), 'save app')).rejects.toBe(broken);
});

test('what the file system says is what it fails with', async () => {
  const file = join(await tempFolder(), 'file');
  await writeFile(file, '');
  const archive = archiveOf([[BLOB, Buffer.alloc(3_000_000, 'a')]]);
  const unpacking = unpackLayout(chunksOf(archive, 4096), file, 'save app');
  await expect(unpacking).rejects.toMatchObject({ code: 'ENOTDIR' });
});
