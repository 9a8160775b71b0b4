import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mountRestlessSecret } from '../../test/fakes/restless-secret.ts';
import { SecretMount } from '../../test/fakes/secret-mount.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { CredentialError } from './credential-error.ts';
import { readSecretFolder } from './secret-folder.ts';

const KEYS = ['username', 'password'];

describe('readSecretFolder()', () => {
  test('reads a plain folder', async () => {
    const dir = await tempFolder();
    await writeFile(join(dir, 'username'), 'ada');
    await writeFile(join(dir, 'password'), 'pw');
    expect(await readSecretFolder(dir, KEYS)).toEqual(['ada', 'pw']);
  });

  test('finds nothing in an empty folder, or none', async () => {
    const dir = await tempFolder();
    expect(await readSecretFolder(dir, KEYS)).toEqual([undefined, undefined]);
    expect(await readSecretFolder(join(dir, 'missing'), KEYS)).toEqual([undefined, undefined]);
  });

  test('reads a mounted Secret, and the next state of it', async () => {
    const mount = new SecretMount(await tempFolder());
    await mount.write({ username: 'ada', password: 'one' });
    expect(await readSecretFolder(mount.dir, KEYS)).toEqual(['ada', 'one']);
    await mount.write({ username: 'bob', password: 'two' });
    expect(await readSecretFolder(mount.dir, KEYS)).toEqual(['bob', 'two']);
    await mount.write({ password: 'three' });
    expect(await readSecretFolder(mount.dir, KEYS)).toEqual([undefined, 'three']);
  });

  test('never gives keys of two states, or of none, while the Secret is being replaced', async () => {
    const dir = await tempFolder();
    await mountRestlessSecret(dir);
    const pairs: unknown[] = [];
    // Replaced faster than any kubelet does it, the Secret may change under every try; then it says so.
    while (pairs.length < 500) pairs.push(await readSecretFolder(dir, KEYS).catch(asPair));
    expect(pairs.filter((pair) => !isWhole(pair))).toEqual([]);
  });

  test('says so when the place is no folder', async () => {
    const dir = join(await tempFolder(), 'auth');
    await writeFile(dir, 'not a folder');
    await expect(readSecretFolder(dir, KEYS)).rejects.toMatchObject({
      code: 'CREDENTIAL_BROKEN',
      place: dir,
      cause: expect.objectContaining({ code: 'ENOTDIR' }),
    });
    await rm(dir);
    expect(await readSecretFolder(dir, KEYS)).toEqual([undefined, undefined]);
  });
});

function asPair(error: unknown): readonly unknown[] {
  return [error, error];
}

function isWhole(pair: unknown): boolean {
  if (!Array.isArray(pair) || pair.length !== 2) return false;
  const [username, password]: unknown[] = pair;
  return username === password && (typeof username === 'string' || username instanceof CredentialError);
}
