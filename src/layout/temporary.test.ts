import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeAbandoned, replaceFile, withTemporary } from './temporary.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'temporary-'));
});
afterEach(() => rm(dir, { recursive: true }));

const HOUR = 60 * 60 * 1000;

test('a file is written beside its place and moved there', async () => {
  const path = join(dir, 'file');
  await withTemporary(path, async (temporary) => {
    expect(dirname(temporary)).toBe(dir);
    await writeFile(temporary, 'whole');
    expect(await readdir(dir)).toEqual([basename(temporary)]);
  });
  expect(await readFile(path, 'utf8')).toBe('whole');
  expect(await readdir(dir)).toEqual(['file']);
});

test('a writer that fails leaves the old file and nothing else', async () => {
  const path = join(dir, 'file');
  await replaceFile(path, 'old');
  const failing = withTemporary(path, async (temporary) => {
    await writeFile(temporary, 'half');
    throw new Error('full');
  });
  await expect(failing).rejects.toThrow('full');
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(dir)).toEqual(['file']);
});

test('a file that cannot be moved to its place leaves nothing', async () => {
  await mkdir(join(dir, 'taken/inside'), { recursive: true });
  await expect(replaceFile(join(dir, 'taken'), 'x')).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await readdir(dir)).toEqual(['taken']);
});

test('replaced many times at once a file is one of the replacements', async () => {
  const path = join(dir, 'file');
  const texts = Array.from({ length: 20 }, (_, at) => String(at).repeat(10_000));
  await Promise.all(texts.map((text) => replaceFile(path, text)));
  expect(texts).toContain(await readFile(path, 'utf8'));
  expect(await readdir(dir)).toEqual(['file']);
});

test.each([
  ['just written', 0, true],
  ['written 59 minutes ago', 59 * 60 * 1000, true],
  ['written 61 minutes ago', 61 * 60 * 1000, false],
  ['of the future', -HOUR, true],
])('a temporary file %s', async (_, age, stays) => {
  const path = join(dir, '.tmp-x');
  await writeFile(path, 'half');
  const now = Date.now();
  await utimes(path, new Date(now - age), new Date(now - age));
  await removeAbandoned(dir, now);
  expect(await readdir(dir)).toEqual(stays ? ['.tmp-x'] : []);
});

test('nothing but temporary files is removed, however old', async () => {
  for (const name of ['index.json', 'tmp-x', '.hidden', 'a.tmp-']) {
    await writeFile(join(dir, name), '');
    await utimes(join(dir, name), 0, 0);
  }
  await removeAbandoned(dir);
  expect(await readdir(dir)).toHaveLength(4);
});

test('a directory that is not there has nothing abandoned in it', async () => {
  await expect(removeAbandoned(join(dir, 'none'))).resolves.toBeUndefined();
});
