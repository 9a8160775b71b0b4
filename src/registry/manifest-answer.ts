import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, digestOf, isDigest } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { bareMediaType, isManifest } from '../image/media-type.ts';
import { RegistryError } from './registry-error.ts';
import { type Answer, headerOf } from './transport.ts';

/** A manifest as it was served: the descriptor made of its real size and digest, and the bytes untouched. */
export interface ManifestContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** What the answer to a HEAD told us, if it told enough and nothing that contradicts the question. */
export function describe(answer: Answer, identifier: string): Descriptor | undefined {
  const digest = headerOf(answer, 'docker-content-digest') ?? '';
  const size = Number(headerOf(answer, 'content-length') ?? Number.NaN);
  const mediaType = bareMediaType(headerOf(answer, 'content-type') ?? '');
  if (!isDigest(digest) || !Number.isSafeInteger(size) || !isManifest(mediaType)) return undefined;
  return isDigest(identifier) && identifier !== digest ? undefined : { mediaType, digest, size };
}

/**
 * Reads the answer to a GET. Its digest header is left alone: it may be missing or wrong, the bytes are what counts.
 * @throws RegistryError `CONTENT_MISMATCH`; InvalidManifestError
 */
export function readManifest(
  answer: Answer,
  bytes: Uint8Array,
  { identifier, operation }: { readonly identifier: string; readonly operation: string },
): ManifestContent {
  const digest = digestOf(bytes, isDigest(identifier) ? algorithmOf(identifier) : 'sha256');
  if (isDigest(identifier) && digest !== identifier) {
    throw new RegistryError(`its content has digest ${digest}`, { code: 'CONTENT_MISMATCH', operation });
  }
  const { mediaType } = parseManifest(bytes, headerOf(answer, 'content-type') ?? '');
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/**
 * What the answer to a PUT says of the digest: ours, or the same content by another algorithm (distribution stores
 * sha512 as sha256), or something else.
 */
export function storedAs(
  answer: Answer,
  { descriptor, bytes }: ManifestContent,
): 'ours' | 'same' | 'other' | 'unsaid' {
  const stored = headerOf(answer, 'docker-content-digest');
  if (stored === undefined) return 'unsaid';
  if (stored === descriptor.digest) return 'ours';
  return isDigest(stored) && digestOf(bytes, algorithmOf(stored)) === stored ? 'same' : 'other';
}
