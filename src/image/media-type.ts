/** Media types of the OCI image spec 1.1 and of Docker's distribution, under the spec's own words. */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
/** Config of an artifact that has none: the two bytes `{}`. */
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';
/** Withdrawn before OCI 1.1, still found in registries. */
export const OCI_ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';
export const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json';
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

const INDEXES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_INDEX]);
const MANIFESTS: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT]);
const SCHEMA1: ReadonlySet<string> = new Set([DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED]);

/** Everything we can read. With a narrower list a registry answers 404 for an image that is there. */
export const ACCEPTED_MANIFESTS: readonly string[] = [...INDEXES, ...MANIFESTS];

export function isIndex(mediaType: string): boolean {
  return INDEXES.has(mediaType);
}

/** True for everything a registry serves under `/manifests/`: indexes as well as image manifests. */
export function isManifest(mediaType: string): boolean {
  return INDEXES.has(mediaType) || MANIFESTS.has(mediaType);
}

export function isSchema1(mediaType: string): boolean {
  return SCHEMA1.has(mediaType);
}

/** Layers that a registry need not hold ("foreign" to Docker, "nondistributable" to OCI). */
export function isForeignLayer(mediaType: string): boolean {
  return mediaType.includes('.foreign.') || mediaType.includes('.nondistributable.');
}

/** The bare type of a Content-Type header: parameters cut, lower case (RFC 9110, 8.3.1). */
export function bareMediaType(contentType: string): string {
  const [bare = ''] = contentType.split(';');
  return bare.trim().toLowerCase();
}
