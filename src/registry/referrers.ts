import { type Descriptor, isRecord } from '../image/descriptor.ts';
import { algorithmOf, type Digest, digestOf, hexOf } from '../image/digest.ts';
import { LARGEST_MANIFEST, type Manifest, parseManifest } from '../image/manifest.ts';
import { OCI_INDEX } from '../image/media-type.ts';
import type { Audience } from './authorizer.ts';
import type { Client } from './client.ts';
import type { ManifestContent } from './manifest-answer.ts';
import { resolveHop } from './redirect.ts';
import { hasCode, RegistryError } from './registry-error.ts';
import { type Answer, headerOf } from './transport.ts';

/** One page of referrers is an index, and those are bounded like every manifest. */
const LARGEST_PAGE = LARGEST_MANIFEST;
/** Pages that are followed; a registry that sends more of them than this is playing. */
const MOST_PAGES = 20;

/** The part of a repository that the fallback tag needs. */
interface Manifests {
  fetchReference(identifier: string, signal: AbortSignal): Promise<ManifestContent>;
  pushReference(content: ManifestContent, identifier: string, signal: AbortSignal): Promise<void>;
}

/**
 * Referrers by the API of OCI distribution 1.1.
 * @returns undefined where the registry does not have it
 */
export async function listReferrers(
  client: Client,
  audience: Audience,
  digest: Digest,
  signal: AbortSignal,
): Promise<readonly Descriptor[] | undefined> {
  const operation = `list referrers of ${audience.host}/${audience.path}@${digest}`;
  const call = { operation, audience, method: 'GET', headers: { accept: OCI_INDEX }, signal } as const;
  const referrers: Descriptor[] = [];
  let target: string | URL = `/v2/${audience.path}/referrers/${digest}`;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { answer, bytes } = await client.read({ ...call, target, expect: [200, 404, 405] }, LARGEST_PAGE);
    // Some registries answer 200 with a page of their web interface.
    const index = answer.status === 200 ? readIndex(bytes) : undefined;
    if (index === undefined) return undefined;
    referrers.push(...index.manifests);
    const next = nextPage(answer, operation);
    if (next === undefined) return referrers;
    target = next;
  }
  throw new RegistryError(`it has more than ${MOST_PAGES} pages`, { code: 'TOO_LARGE', operation });
}

/** RFC 8288, the one relation that the distribution spec uses. A registry's pages are its own. */
function nextPage(answer: Answer, operation: string): URL | undefined {
  const next = /<([^>]*)>\s*;\s*rel="?next"?/.exec(headerOf(answer, 'link') ?? '')?.[1];
  if (next === undefined) return undefined;
  const url = resolveHop(next, answer.url, operation);
  if (url.origin === answer.url.origin) return url;
  throw new RegistryError('its next page is on another host', { code: 'FORBIDDEN_HOP', operation });
}

function readIndex(bytes: Uint8Array): Manifest | undefined {
  try {
    return parseManifest(bytes, OCI_INDEX);
  } catch {
    return undefined;
  }
}

/** Of longer digests the tag has no more than this, or it would be too long for a tag. */
const TAG_HEX = 64;

/** Where referrers are listed in a registry without the API: `sha256-<hex>` (distribution spec, "Referrers Tag Schema"). */
export function fallbackTag(digest: Digest): string {
  return `${algorithmOf(digest)}-${hexOf(digest).slice(0, TAG_HEX)}`;
}

/** The list under a fallback tag: what it says, and the body that says it. */
interface List {
  readonly referrers: readonly Descriptor[];
  readonly body: Record<string, unknown>;
}

const EMPTY: List = { referrers: [], body: { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] } };

/** @returns none when the tag is absent, or is something else: GitLab answers with the image itself. */
export async function readFallbackTag(
  manifests: Manifests,
  digest: Digest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  return (await readList(manifests, digest, signal))?.referrers ?? [];
}

/** @returns undefined when the tag is something else */
async function readList(
  manifests: Manifests,
  digest: Digest,
  signal: AbortSignal,
): Promise<List | undefined> {
  try {
    const { descriptor, bytes } = await manifests.fetchReference(fallbackTag(digest), signal);
    const index = descriptor.digest === digest ? undefined : readIndex(bytes);
    const body: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return index === undefined || !isRecord(body) ? undefined : { referrers: index.manifests, body };
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return EMPTY;
    if (hasCode(error, 'INVALID_MANIFEST')) return undefined;
    throw error;
  }
}

/** Read, change, write: one at a time for each tag, or an entry would be lost. */
const updates = new Map<string, Promise<boolean>>();

/**
 * Lists a manifest under the fallback tag of its subject, unless it is listed already.
 * @returns false when the tag is something else, which stays: what it held would be lost (distribution spec, "Pushing
 * Manifests with Subject")
 */
export async function addToFallbackTag(
  manifests: Manifests,
  subject: Digest,
  referrer: ManifestContent,
  { repository, signal }: { readonly repository: string; readonly signal: AbortSignal },
): Promise<boolean> {
  const key = `${repository}:${fallbackTag(subject)}`;
  const update = (updates.get(key) ?? Promise.resolve())
    .catch(() => undefined)
    .then(() => add(manifests, subject, referrer, signal));
  updates.set(key, update);
  try {
    return await update;
  } finally {
    if (updates.get(key) === update) updates.delete(key);
  }
}

async function add(
  manifests: Manifests,
  subject: Digest,
  referrer: ManifestContent,
  signal: AbortSignal,
): Promise<boolean> {
  const list = await readList(manifests, subject, signal);
  if (list === undefined || isImage(list)) return false;
  const { referrers, body } = list;
  if (referrers.some(({ digest }) => digest === referrer.descriptor.digest)) return true;
  const entries = Array.isArray(body['manifests']) ? body['manifests'] : [];
  const bytes = Buffer.from(JSON.stringify({ ...body, manifests: [...entries, entryOf(referrer)] }));
  const descriptor = { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length };
  await manifests.pushReference({ descriptor, bytes }, fallbackTag(subject), signal);
  return true;
}

/** The children of an image are told apart by their platforms; what refers to one has none. */
function isImage({ referrers }: List): boolean {
  return referrers.length > 0 && referrers.every(({ platform }) => platform !== undefined);
}

/** The spec wants the entry to carry the manifest's artifact type and annotations. */
function entryOf({ descriptor: { mediaType, digest, size }, bytes }: ManifestContent): Descriptor {
  const { artifactType, annotations } = parseManifest(bytes, mediaType);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
  };
}
