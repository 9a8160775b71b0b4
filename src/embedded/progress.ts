import type { Upload } from './upload.ts';

/** @returns headers that say where an upload goes on; nothing yet is `0-0`, as in distribution */
export function progressHeaders({ name, id, size }: Upload): Record<string, string> {
  return {
    Location: `/v2/${name}/blobs/uploads/${id}`,
    Range: `0-${Math.max(size - 1, 0)}`,
    'Docker-Upload-UUID': id,
  };
}
