import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOpenToOthers, makePrivateFolder, PRIVATE, PUBLIC, readIfPresent, replaceFile } from './file.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-cloner-file-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function mode(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o7777).toString(8);
}

describe('replaceFile', () => {
  it.each([
    [PRIVATE, '600'],
    [PUBLIC, '644'],
  ])('writes a file of mode 0%s', async (wanted, expected) => {
    await replaceFile(join(folder, 'a'), 'text', wanted);
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('text');
    expect(await mode(join(folder, 'a'))).toBe(expected);
  });

  it('leaves nothing of what an earlier file allowed', async () => {
    await writeFile(join(folder, 'a'), 'old');
    await chmod(join(folder, 'a'), 0o666);
    await replaceFile(join(folder, 'a'), 'new', PRIVATE);
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('new');
    expect(await mode(join(folder, 'a'))).toBe('600');
  });

  it('does not write through a link to a place of somebody else', async () => {
    await writeFile(join(folder, 'elsewhere'), 'untouched');
    await symlink(join(folder, 'elsewhere'), join(folder, 'a'));
    await replaceFile(join(folder, 'a'), 'secret', PRIVATE);
    expect(await readFile(join(folder, 'elsewhere'), 'utf8')).toBe('untouched');
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('secret');
  });

  it('leaves no other file behind, neither after success nor after failure', async () => {
    await replaceFile(join(folder, 'a'), 'text', PRIVATE);
    await mkdir(join(folder, 'occupied'));
    await expect(replaceFile(join(folder, 'occupied'), 'text', PRIVATE)).rejects.toMatchObject({
      code: 'CANNOT_WRITE',
      message: `write "${join(folder, 'occupied')}": EISDIR`,
      cause: { code: 'EISDIR' },
    });
    expect(await readdir(folder)).toEqual(['a', 'occupied']);
  });

  it('says which file cannot be written', async () => {
    const path = join(folder, 'missing/a');
    await expect(replaceFile(path, 'text', PRIVATE)).rejects.toThrow(`write "${path}": ENOENT`);
  });
});

describe('makePrivateFolder', () => {
  it('makes a folder for the owner alone', async () => {
    await makePrivateFolder(join(folder, 'out'));
    expect(await mode(join(folder, 'out'))).toBe('700');
  });

  it.each([0o755, 0o777, 0o750, 0o701])('takes a folder of mode %i away from others', async (before) => {
    await mkdir(join(folder, 'out'));
    await chmod(join(folder, 'out'), before);
    await makePrivateFolder(join(folder, 'out'));
    expect(await mode(join(folder, 'out'))).toBe('700');
  });

  it('fails where a file is in the way', async () => {
    await writeFile(join(folder, 'out'), '');
    await expect(makePrivateFolder(join(folder, 'out'))).rejects.toThrow(
      `make the folder "${join(folder, 'out')}": EEXIST`,
    );
  });
});

describe('readIfPresent', () => {
  it('gives the text, or undefined where there is no file', async () => {
    await writeFile(join(folder, 'a'), 'text');
    expect(await readIfPresent(join(folder, 'a'))).toBe('text');
    expect(await readIfPresent(join(folder, 'b'))).toBeUndefined();
  });

  it('does not take what cannot be read for something that is not there', async () => {
    await expect(readIfPresent(folder)).rejects.toMatchObject({
      code: 'CANNOT_READ',
      cause: { code: 'EISDIR' },
    });
  });
});

describe('isOpenToOthers', () => {
  it.each([
    [0o600, false],
    [0o400, false],
    [0o640, true],
    [0o604, true],
    [0o601, true],
  ])('knows mode %i', async (given, expected) => {
    await writeFile(join(folder, 'a'), '');
    await chmod(join(folder, 'a'), given);
    expect(await isOpenToOthers(join(folder, 'a'))).toBe(expected);
  });

  it('finds nothing open where nothing is', async () => {
    expect(await isOpenToOthers(join(folder, 'a'))).toBe(false);
  });
});
