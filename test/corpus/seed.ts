import { type Digest, digestOf } from '../../src/image/digest.ts';
import { type Manifest, parseManifest } from '../../src/image/manifest.ts';
import { OCI_INDEX } from '../../src/image/media-type.ts';
import type { MadeImage } from '../images/image.ts';
import { type Place, pushImage } from '../images/push.ts';
import type { Sample } from './corpus.ts';

/** The tag of what has one. */
export const TAG = '1';

/**
 * Puts a sample with all that refers to it into a repository.
 * @param lists the registry finds referrers itself; where it does not they are listed under a tag of their subject, as
 * the distribution spec wants it of whoever pushes them
 */
export async function seed(place: Place, sample: Sample, lists: boolean): Promise<void> {
  const { signal } = new AbortController();
  await pushImage(place, sample.image, sample.untagged ? undefined : TAG);
  for (const referrer of sample.referrers) await pushImage(place, referrer);
  if (lists) return;
  for (const [subject, found] of referrersIn(sample))
    await place.pushReference(listOf(found), subject.replace(':', '-'), signal);
}

/** What refers to each manifest, by what the manifests of a sample say. */
export function referrersIn({ image, referrers }: Sample): ReadonlyMap<Digest, readonly MadeImage[]> {
  const found = new Map<Digest, MadeImage[]>();
  for (const made of [image, ...referrers]) {
    const subject = read(made).subject?.digest;
    if (subject !== undefined) found.set(subject, [...(found.get(subject) ?? []), made]);
  }
  return found;
}

function listOf(found: readonly MadeImage[]): MadeImage['content'] {
  const manifests = found.map((made) => {
    const { artifactType, annotations } = read(made);
    return { ...made.content.descriptor, artifactType, annotations };
  });
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  return { descriptor: { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function read({ content }: MadeImage): Manifest {
  return parseManifest(content.bytes, content.descriptor.mediaType);
}
