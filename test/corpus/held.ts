import { request } from 'undici';
import { z } from 'zod';
import { algorithmOf, type Digest, digestOf } from '../../src/image/digest.ts';
import { OCI_INDEX } from '../../src/image/media-type.ts';
import type { MadeImage } from '../images/image.ts';
import type { Sample } from './corpus.ts';
import { referrersIn, TAG } from './seed.ts';

/** A repository of a running registry: `http://127.0.0.1:5000/v2/app`. */
export interface Held {
  readonly url: string;
}

/**
 * What of a sample a repository does not hold as it was made, its tag and the lists of what refers to it included. Empty
 * when all is there.
 */
export async function lackingOf(held: Held, sample: Sample): Promise<readonly string[]> {
  const { image, referrers, untagged } = sample;
  const parts = [image, ...referrers].map((made) => missingFrom(held, made));
  const lists = [...referrersIn(sample)].map(async ([subject, found]) => {
    const wanted = found.map(({ content }) => content.descriptor.digest).toSorted();
    const listed = (await referrersOf(held, subject)).toSorted();
    const differs = listed.join(' ') !== wanted.join(' ');
    return differs ? [`referrers of ${subject}: ${listed.join(' ')}`] : [];
  });
  const tag = untagged ? [] : [isTagged(held, sample).then((is) => (is ? [] : [`tag ${TAG}`]))];
  return (await Promise.all([...parts, ...lists, ...tag])).flat();
}

/** Does its tag lead to it? */
export async function isTagged(held: Held, { image: { content } }: Sample): Promise<boolean> {
  const bytes = await read(`${held.url}/manifests/${TAG}`, content.descriptor.mediaType);
  return bytes?.equals(content.bytes) === true;
}

/**
 * What of an image a repository does not give back as it was made, by digest: every manifest and every blob is read, by
 * requests of our own and not by the client that is tested. Empty when all is there.
 */
async function missingFrom(held: Held, image: MadeImage): Promise<readonly string[]> {
  const { digest, mediaType } = image.content.descriptor;
  const own = await read(`${held.url}/manifests/${digest}`, mediaType);
  const blobs = image.blobs.map(async ({ descriptor }) => {
    const bytes = await read(`${held.url}/blobs/${descriptor.digest}`);
    return isContentOf(bytes, descriptor.digest) ? [] : [`blob ${descriptor.digest}`];
  });
  const children = image.children.map((child) => missingFrom(held, child));
  const below = await Promise.all([...blobs, ...children]);
  return [...(own?.equals(image.content.bytes) === true ? [] : [`manifest ${digest}`]), ...below.flat()];
}

function isContentOf(bytes: Buffer | undefined, digest: Digest): boolean {
  return bytes !== undefined && digestOf(bytes, algorithmOf(digest)) === digest;
}

async function read(url: string, accept = '*/*'): Promise<Buffer | undefined> {
  const { statusCode, body } = await request(url, { headers: { accept, 'accept-encoding': 'identity' } });
  const bytes = Buffer.from(await body.arrayBuffer());
  return statusCode === 200 ? bytes : undefined;
}

/** What a registry lists as referring to a manifest, by its API or else under the tag of the subject. */
async function referrersOf(held: Held, subject: Digest): Promise<readonly string[]> {
  const listed =
    (await read(`${held.url}/referrers/${subject}`)) ??
    (await read(`${held.url}/manifests/${subject.replace(':', '-')}`, OCI_INDEX));
  if (listed === undefined) return [];
  return List.parse(JSON.parse(listed.toString())).manifests.map(({ digest }) => digest);
}

const List = z.object({ manifests: z.array(z.object({ digest: z.string() })) });
