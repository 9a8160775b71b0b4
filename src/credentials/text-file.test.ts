import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { thrownBy } from '../../test/fakes/thrown.ts';
import { LARGEST_FILE, parseJsonObject, readTextFile } from './text-file.ts';

describe('readTextFile()', () => {
  test('reads text as it is', async () => {
    const path = join(await tempFolder(), 'file');
    await writeFile(path, ' pässword\n\n');
    expect(await readTextFile(path)).toBe(' pässword\n\n');
  });

  test('reads through links', async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'file'), 'text');
    await symlink('file', join(folder, 'link'));
    expect(await readTextFile(join(folder, 'link'))).toBe('text');
  });

  test('finds nothing where no file, no folder or the end of a link is missing', async () => {
    const folder = await tempFolder();
    await symlink('missing', join(folder, 'link'));
    expect(await readTextFile(join(folder, 'file'))).toBeUndefined();
    expect(await readTextFile(join(folder, 'folder', 'file'))).toBeUndefined();
    expect(await readTextFile(join(folder, 'link'))).toBeUndefined();
  });

  test('takes the largest Secret and nothing larger', async () => {
    const path = join(await tempFolder(), 'file');
    await writeFile(path, 'x'.repeat(LARGEST_FILE));
    expect(await readTextFile(path)).toHaveLength(LARGEST_FILE);
    await writeFile(path, 'x'.repeat(LARGEST_FILE + 1));
    await expect(readTextFile(path)).rejects.toMatchObject({
      code: 'CREDENTIAL_BROKEN',
      message: expect.stringContaining('wanted at most 1048576 bytes, got 1048577'),
      retriable: false,
    });
  });

  test('refuses bytes that are not UTF-8', async () => {
    const path = join(await tempFolder(), 'file');
    await writeFile(path, Uint8Array.of(0x70, 0xff));
    await expect(readTextFile(path)).rejects.toMatchObject({
      place: path,
      message: expect.stringContaining('UTF-8'),
    });
  });

  test('refuses a folder, and a socket that would never end', async () => {
    const folder = await tempFolder();
    await mkdir(join(folder, 'inner'));
    await expect(readTextFile(join(folder, 'inner'))).rejects.toThrow('wanted a file');
    const server = createServer().listen(join(folder, 'socket'));
    onTestFinished(() => void server.close());
    await expect(readTextFile(join(folder, 'socket'))).rejects.toThrow('wanted a file');
  });

  test('says why a file cannot be read, and that it may work later', async () => {
    const folder = await tempFolder();
    await symlink('loop', join(folder, 'loop'));
    await expect(readTextFile(join(folder, 'loop'))).rejects.toMatchObject({
      code: 'CREDENTIAL_BROKEN',
      retriable: true,
      cause: expect.objectContaining({ code: 'ELOOP' }),
    });
  });
});

describe('parseJsonObject()', () => {
  test('reads an object', () => {
    expect(parseJsonObject(' {"a": [1]}\n', 'place')).toEqual({ a: [1] });
  });

  test.each(['', '{', '[]', 'null', '1', '"{}"', '{"canary": canary}'])(
    'refuses %j without quoting it',
    (text) => {
      const message = 'Cannot get credentials from "place": wanted a JSON object';
      expect(thrownBy(() => parseJsonObject(text, 'place'))).toMatchObject({ message });
    },
  );
});
