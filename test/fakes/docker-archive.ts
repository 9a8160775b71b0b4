import { buffer } from 'node:stream/consumers';
import { OCI_INDEX } from '../../src/image/media-type.ts';
import type { MadeImage } from '../images/image.ts';
import { END_OF_TAR, tarEntry } from '../images/tar.ts';

/**
 * What `docker save` writes from containerd's image store: an OCI layout, with the file that `docker load` of old reads.
 * @param without digests that the daemon does not have
 */
export async function savedArchive(image: MadeImage, without: readonly string[] = []): Promise<Buffer> {
  const blobs = await blobsOf(image);
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [image.content.descriptor] };
  return archiveOf([
    ...blobs
      .filter(([digest]) => !without.includes(digest))
      .map(([digest, bytes]) => [pathOf(digest), bytes] as const),
    ['index.json', Buffer.from(JSON.stringify(index))],
    ['manifest.json', Buffer.from('[]')],
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
  ]);
}

/** A tar archive of files with these names. */
export function archiveOf(files: readonly (readonly [string, Buffer])[]): Buffer {
  const entries = files.flatMap(([name, bytes]) => [...tarEntry(name, bytes.length, [bytes])]);
  return Buffer.concat([...entries, END_OF_TAR]);
}

function pathOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** In the order of digests, as Docker writes them. */
async function blobsOf(image: MadeImage): Promise<[string, Buffer][]> {
  const own: [string, Buffer][] = [[image.content.descriptor.digest, image.content.bytes]];
  for (const { descriptor, open } of image.blobs) own.push([descriptor.digest, await buffer(open())]);
  for (const child of image.children) own.push(...(await blobsOf(child)));
  return own.toSorted(([one], [other]) => (one < other ? -1 : 1));
}
