import { type Descriptor, isRecord } from '../image/descriptor.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { InvalidManifestError, type Manifest, parseManifest } from '../image/manifest.ts';
import { isIndex } from '../image/media-type.ts';
import { formatPlatform, type Platform, platformMatches } from '../image/platform.ts';
import type { ManifestContent, Source } from './target.ts';

/** Annotation by which BuildKit ties an attestation (platform `unknown/unknown`) to the image it speaks of. */
const ATTESTS = 'vnd.docker.reference.digest';

/**
 * Cuts an image down to some platforms. One platform yields that child as it is, with its own digest. Several yield an
 * index of just these, written anew from the source's bytes: the same source and platforms always give the same digest,
 * and nothing is listed that is not there. What is no index, or loses nothing, stays as it is.
 * @throws InvalidManifestError when no platform of the index is wanted
 */
export async function choosePlatforms(
  source: Source,
  content: ManifestContent,
  wanted: readonly Platform[],
  signal: AbortSignal,
): Promise<ManifestContent> {
  if (wanted.length === 0 || !isIndex(content.descriptor.mediaType)) return content;
  const index = parseManifest(content.bytes, content.descriptor.mediaType);
  const chosen = index.manifests.filter((child) => isWanted(child, wanted));
  const [only] = chosen;
  if (only === undefined) throw noneOf(wanted, index);
  return chosen.length === 1
    ? source.fetchReference(only.digest, signal)
    : withChildren(content, index, chosen);
}

function isWanted({ platform }: Descriptor, wanted: readonly Platform[]): boolean {
  return platform !== undefined && wanted.some((one) => platformMatches(one, platform));
}

function withChildren(
  content: ManifestContent,
  index: Manifest,
  chosen: readonly Descriptor[],
): ManifestContent {
  const kept = new Set<Digest | undefined>(chosen.map(({ digest }) => digest));
  const stays = index.manifests.map(
    ({ digest, annotations }) => kept.has(digest) || attests(annotations, kept),
  );
  if (stays.every(Boolean)) return content;
  const body: unknown = JSON.parse(Buffer.from(content.bytes).toString('utf8'));
  const entries: unknown = isRecord(body) ? body['manifests'] : undefined;
  if (!isRecord(body) || !Array.isArray(entries)) return content;
  const bytes = Buffer.from(
    JSON.stringify({ ...body, manifests: entries.filter((_, position) => stays[position]) }),
  );
  return { descriptor: { mediaType: index.mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function attests(annotations: Descriptor['annotations'], kept: ReadonlySet<string | undefined>): boolean {
  const subject = annotations?.[ATTESTS];
  return subject !== undefined && kept.has(subject);
}

function noneOf(wanted: readonly Platform[], { manifests }: Manifest): InvalidManifestError {
  const offered = manifests.flatMap(({ platform }) =>
    platform === undefined ? [] : [formatPlatform(platform)],
  );
  return new InvalidManifestError(
    `wanted platform ${wanted.map(formatPlatform).join(' or ')}, the index has ${offered.join(', ') || 'none'}`,
  );
}
