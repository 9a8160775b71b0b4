import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { GenError } from './gen-error.ts';

/** For the owner alone. */
export const PRIVATE = 0o600;
/** For everybody to read. */
export const PUBLIC = 0o644;

const PRIVATE_FOLDER = 0o700;
const GROUP_AND_OTHERS = 0o077;

/** Makes the folder where it is absent. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw failed('CANNOT_WRITE', 'make the folder', path, cause);
  }
}

/** Makes the folder, and takes it away from everybody but the owner where it is there already. */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
    if (await isOpenToOthers(path)) await chmod(path, PRIVATE_FOLDER);
  } catch (cause) {
    throw failed('CANNOT_WRITE', 'make the folder', path, cause);
  }
}

/**
 * Puts a new file in the place of `path`: at every moment there is the old content or the new, and what an earlier
 * file allowed others is gone with it.
 */
export async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFresh(fresh, content, mode);
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw failed('CANNOT_WRITE', 'write', path, cause);
  }
}

/** The text of the file; undefined where there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw failed('CANNOT_READ', 'read', path, cause);
  }
}

/** Whether a file or folder is there, and its mode lets the group or others do anything with it. */
export async function isOpenToOthers(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && (found.mode & GROUP_AND_OTHERS) !== 0;
}

async function writeFresh(path: string, content: string, mode: number): Promise<void> {
  // wx: never through a file or link that is there; the mode holds from the first byte on.
  const file = await open(path, 'wx', mode);
  try {
    // The umask may have taken bits away that are wanted.
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

function failed(code: GenError['code'], action: string, path: string, cause: unknown): GenError {
  return new GenError(code, `${action} "${path}": ${systemCode(cause)}`, { cause });
}

function systemCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
