import { type Manifest, parseManifest } from '../../src/image/manifest.ts';
import type { Repository, StoredManifest } from './store.ts';

/** @returns undefined for what is no manifest; a test stores what it likes */
export function parse({ bytes, mediaType }: StoredManifest): Manifest | undefined {
  try {
    return parseManifest(bytes, mediaType);
  } catch {
    return undefined;
  }
}

/** Is everything there that it points at? Layers with addresses of their own need not be. */
export function isComplete(repository: Repository, { blobs, manifests }: Manifest): boolean {
  return (
    blobs.every(({ digest, urls }) => urls !== undefined || repository.blobs.has(digest)) &&
    manifests.every(({ digest }) => repository.manifests.has(digest))
  );
}
