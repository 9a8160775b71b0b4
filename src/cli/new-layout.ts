import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Is there no such folder yet? */
export async function willBeNew(directory: string): Promise<boolean> {
  return stat(directory).then(
    () => false,
    () => true,
  );
}

/**
 * Takes away a layout that was made for a copy of which nothing arrived. Blobs that did arrive were checked: they stay,
 * and the next try does not send them again.
 */
export async function removeIfEmpty(directory: string): Promise<void> {
  const entries = await readdir(join(directory, 'blobs'), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  if (!entries.some((entry) => entry.isFile())) await rm(directory, { recursive: true, force: true });
}
