import { isRecord, readDescriptor } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import type { Platform } from '../image/platform.ts';
import { type Reference, readReference, repositoryOf } from '../image/reference.ts';

/** What the daemon says of an image (Docker Engine API, "Inspect an image" and "List Images"), as far as we use it. */
export interface ImageJson {
  /** Digest of its index or manifest in containerd's image store, of its config in the classic one. */
  readonly id: Digest;
  /** Its names: with a tag each, or with the digest of a registry. */
  readonly tags: readonly Reference[];
  readonly digests: readonly Reference[];
  /** Platform of the image that would run, where that is told. */
  readonly platform?: Platform;
  /** Its image manifests, those that are not there included; undefined where that is not told. */
  readonly manifests?: readonly HeldManifest[];
}

/** One manifest of an image, and whether all of it is there. */
export interface HeldManifest {
  readonly digest: Digest;
  readonly available: boolean;
  /** `image`, `attestation`, `unknown`. */
  readonly kind: string;
  readonly platform?: Platform;
}

/** @returns undefined when it is no image that can be named */
export function readImage(value: unknown): ImageJson | undefined {
  if (!isRecord(value)) return undefined;
  const { Id: id, RepoTags: tags, RepoDigests: digests, Manifests: manifests } = value;
  if (typeof id !== 'string' || !isDigest(id)) return undefined;
  const platform = readPlatform(value);
  return {
    id,
    tags: readNames(tags),
    digests: readNames(digests),
    ...(platform !== undefined && { platform }),
    ...(Array.isArray(manifests) && { manifests: manifests.flatMap((one) => readManifest(one) ?? []) }),
  };
}

/** The digest that a repository gave this image; undefined where it gave it several, because one of them is older. */
export function digestIn(image: ImageJson, repository: string): Digest | undefined {
  const own = image.digests.filter((name) => repositoryOf(name) === repository);
  return own.length === 1 ? own[0]?.digest : undefined;
}

/** Names without a meaning (`<none>:<none>`) are left out. */
function readNames(value: unknown): readonly Reference[] {
  const names = Array.isArray(value) ? value : [];
  return names.flatMap((name) => (typeof name === 'string' ? (readReference(name) ?? []) : []));
}

/** Written with capitals, and with an empty variant where there is none. */
function readPlatform({ Os: os, Architecture: architecture, Variant: variant }: Record<string, unknown>) {
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return typeof variant === 'string' && variant !== '' ? { os, architecture, variant } : { os, architecture };
}

function readManifest(value: unknown): HeldManifest | undefined {
  if (!isRecord(value)) return undefined;
  const { Available: available, Descriptor: described, Kind: kind } = value;
  const descriptor = readDescriptor(described);
  if (descriptor === undefined) return undefined;
  const { digest, platform } = descriptor;
  return {
    digest,
    available: available === true,
    kind: typeof kind === 'string' ? kind : 'unknown',
    ...(platform !== undefined && { platform }),
  };
}
