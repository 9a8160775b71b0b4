import { type Descriptor, isRecord, isTextRecord, readDescriptor } from './descriptor.ts';
import { bareMediaType, isIndex, isManifest, isSchema1, OCI_INDEX, OCI_MANIFEST } from './media-type.ts';

/** Largest manifest that registries take (distribution, `maxManifestBodySize`); larger ones are refused unread. */
export const LARGEST_MANIFEST = 4 * 1024 * 1024;
/** Most entries of one manifest or index. Real images stay under 130 layers; this only bounds hostile ones. */
export const MOST_ENTRIES = 4096;

/** What a manifest or index points at. The bytes themselves are kept elsewhere and never written anew. */
export interface Manifest {
  readonly mediaType: string;
  /** Children of an index, in its order; empty for an image manifest. */
  readonly manifests: readonly Descriptor[];
  /** Config and layers of an image manifest, in its order; empty for an index. */
  readonly blobs: readonly Descriptor[];
  /** The manifest that this one is a referrer of (OCI 1.1). */
  readonly subject?: Descriptor;
  /** As a referrer is listed (OCI distribution spec, "Listing Referrers"): `artifactType`, else the config's type. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export class InvalidManifestError extends Error {
  override readonly name = 'InvalidManifestError';
  readonly code = 'INVALID_MANIFEST';

  constructor(why: string, options?: ErrorOptions) {
    super(`Cannot read manifest: ${why}`, options);
  }
}

/**
 * Reads the bytes of a manifest or index.
 * @param contentType the header it came with; must agree with the body's `mediaType` (CVE-2021-41190).
 * @throws InvalidManifestError
 */
export function parseManifest(bytes: Uint8Array, contentType: string): Manifest {
  if (bytes.byteLength > LARGEST_MANIFEST) {
    throw new InvalidManifestError(`wanted at most ${LARGEST_MANIFEST} bytes, got ${bytes.byteLength}`);
  }
  const body = parseJson(bytes);
  const mediaType = mediaTypeOf(body, bareMediaType(contentType));
  return isIndex(mediaType) ? readIndex(body, mediaType) : readImage(body, mediaType);
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new InvalidManifestError('wanted JSON in UTF-8', { cause });
  }
  if (!isRecord(body)) throw new InvalidManifestError('wanted a JSON object');
  return body;
}

function mediaTypeOf(body: Record<string, unknown>, contentType: string): string {
  refuseSchema1(body, contentType);
  refuseBothKinds(body);
  const own = body['mediaType'];
  if (own === undefined) return isManifest(contentType) ? contentType : guessMediaType(body, contentType);
  if (typeof own !== 'string' || !isManifest(own)) {
    throw new InvalidManifestError(`wanted a manifest media type, got ${JSON.stringify(own)}`);
  }
  if (isManifest(contentType) && own !== contentType) {
    throw new InvalidManifestError(
      `body says ${JSON.stringify(own)}, Content-Type says ${JSON.stringify(contentType)}`,
    );
  }
  return own;
}

/** Its digest leaves out a signature inside the body, so it can be neither verified nor copied like the others. */
function refuseSchema1(body: Record<string, unknown>, contentType: string): void {
  if (isSchema1(contentType) || body['schemaVersion'] === 1) {
    throw new InvalidManifestError('schema 1 is not supported; push the image again with a current tool');
  }
}

/** A document that is index and image manifest at once means two things to two readers (CVE-2021-41190). */
function refuseBothKinds(body: Record<string, unknown>): void {
  if (body['manifests'] !== undefined && (body['layers'] !== undefined || body['config'] !== undefined)) {
    throw new InvalidManifestError('it is index and image manifest at once');
  }
}

/** Old registries answer `text/plain` or `application/json`; OCI allows a body without `mediaType`. */
function guessMediaType(body: Record<string, unknown>, contentType: string): string {
  if (Array.isArray(body['manifests'])) return OCI_INDEX;
  if (Array.isArray(body['layers'])) return OCI_MANIFEST;
  throw new InvalidManifestError(`wanted a manifest media type, got ${JSON.stringify(contentType)}`);
}

function readIndex(body: Record<string, unknown>, mediaType: string): Manifest {
  return { mediaType, manifests: readList(body, 'manifests'), blobs: [], ...readExtras(body, undefined) };
}

function readImage(body: Record<string, unknown>, mediaType: string): Manifest {
  // A reader that goes by the members would take it for an index.
  if (body['manifests'] !== undefined) throw new InvalidManifestError('an image manifest lists "manifests"');
  const config = body['config'] === undefined ? undefined : readOne(body['config'], 'config');
  const list = body['layers'] === undefined ? 'blobs' : 'layers';
  const layers = body[list] === undefined ? [] : readList(body, list);
  const blobs = config === undefined ? layers : [config, ...layers];
  return { mediaType, manifests: [], blobs, ...readExtras(body, config) };
}

function readExtras(body: Record<string, unknown>, config: Descriptor | undefined): Partial<Manifest> {
  const { subject, artifactType, annotations } = body;
  const type = typeof artifactType === 'string' && artifactType !== '' ? artifactType : config?.mediaType;
  return {
    ...(subject !== undefined && { subject: readOne(subject, 'subject') }),
    ...(type !== undefined && { artifactType: type }),
    ...(isTextRecord(annotations) && { annotations }),
  };
}

function readList(body: Record<string, unknown>, key: string): readonly Descriptor[] {
  const list = body[key];
  if (!Array.isArray(list)) throw new InvalidManifestError(`wanted a list in ${JSON.stringify(key)}`);
  if (list.length > MOST_ENTRIES) {
    throw new InvalidManifestError(
      `wanted at most ${MOST_ENTRIES} entries in ${JSON.stringify(key)}, got ${list.length}`,
    );
  }
  return list.map((entry, index) => readOne(entry, `${key}[${index}]`));
}

function readOne(value: unknown, where: string): Descriptor {
  const descriptor = readDescriptor(value);
  if (descriptor === undefined) throw new InvalidManifestError(`wanted a descriptor in ${where}`);
  return descriptor;
}
