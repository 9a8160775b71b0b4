import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../image/descriptor.ts';
import { isAbsent, LayoutError } from './layout-error.ts';
import { replaceFile } from './temporary.ts';

/** The file that makes a directory a layout (OCI image spec, image-layout.md, "oci-layout file"). */
const MARKER = 'oci-layout';
const VERSION = '1.0.0';

/** @throws LayoutError when the directory is no layout of a version we know */
export async function checkMarker(directory: string): Promise<void> {
  const operation = `open layout ${JSON.stringify(directory)}`;
  const version = versionOf(await readMarker(directory, operation));
  if (version?.startsWith('1.') === true) return;
  const why = `wanted imageLayoutVersion ${VERSION}, got ${JSON.stringify(version)}`;
  throw new LayoutError(why, { code: 'INVALID_LAYOUT', operation });
}

/**
 * Makes a directory a layout. One that holds anything else is left alone: a mistyped path must not fill somebody's home
 * directory with blobs.
 */
export async function ensureMarker(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const names = await readdir(directory);
  if (names.includes(MARKER)) return checkMarker(directory);
  if (names.some((name) => !name.startsWith('.'))) {
    const operation = `create layout ${JSON.stringify(directory)}`;
    throw new LayoutError('wanted an empty directory or a layout', { code: 'INVALID_LAYOUT', operation });
  }
  await replaceFile(join(directory, MARKER), JSON.stringify({ imageLayoutVersion: VERSION }));
}

async function readMarker(directory: string, operation: string): Promise<string> {
  try {
    return await readFile(join(directory, MARKER), 'utf8');
  } catch (cause) {
    if (!isAbsent(cause)) throw cause;
    throw new LayoutError(`wanted a file "${MARKER}" in it`, { code: 'INVALID_LAYOUT', operation, cause });
  }
}

function versionOf(text: string): string | undefined {
  try {
    const marker: unknown = JSON.parse(text);
    const version = isRecord(marker) ? marker['imageLayoutVersion'] : undefined;
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
