import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const PREFIX = '.tmp-';
/** Not written to for so long means that its writer is gone: a live one either writes or has timed out. */
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

/** A name beside `path`, in its directory, so that a rename onto it is atomic. */
function temporaryFor(path: string): string {
  return join(dirname(path), `${PREFIX}${randomUUID()}`);
}

/** Replaces a small file: readers see all of the old or all of the new one. */
export async function replaceFile(path: string, content: string): Promise<void> {
  await withTemporary(path, (temporary) => writeFile(temporary, content, { flag: 'wx' }));
}

/** Lets `write` fill a new file and moves it onto `path`. On any failure nothing is left of it. */
export async function withTemporary(
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryFor(path);
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes what a crash left half written. Files that may still be under way in another process stay. */
export async function removeAbandoned(directory: string, now: number = Date.now()): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((entry) => entry.startsWith(PREFIX))) {
    const path = join(directory, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => now - mtimeMs,
      () => 0,
    );
    // A layout on a read-only disk can be read with its leftovers in it.
    if (age > ABANDONED_AFTER_MS) await rm(path, { force: true }).catch(() => undefined);
  }
}
