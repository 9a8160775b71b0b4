import type { Descriptor } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import {
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../../src/image/media-type.ts';
import type { Platform } from '../../src/image/platform.ts';
import {
  type LayerOptions,
  type MadeBlob,
  type MadeLayer,
  makeArchiveLayer,
  makeBlob,
  makeOpaqueLayer,
} from './layer.ts';

/** An image, index or artifact made for a test. */
export interface MadeImage {
  readonly content: { readonly descriptor: Descriptor; readonly bytes: Buffer };
  /** Config and layers; empty for an index. */
  readonly blobs: readonly MadeBlob[];
  /** Children of an index. */
  readonly children: readonly MadeImage[];
}

interface ManifestOptions {
  /** Whose media types. Default `oci`. */
  readonly mediaTypes?: 'docker' | 'oci';
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageOptions extends ManifestOptions {
  /** Default: one of 1,000 bytes. */
  readonly layers?: readonly LayerOptions[];
  /** Layers made elsewhere, below those. */
  readonly base?: readonly MadeLayer[];
  /** Default `linux/amd64`. */
  readonly platform?: Platform;
  /** Further fields of the image config, such as `{ config: { Cmd: […] } }`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Media type of the config, for charts and the like. */
  readonly configType?: string;
  /** Layers that can be unpacked. Default false: random bytes, which is quicker. */
  readonly runnable?: boolean;
}

const DOCKER_TYPES = {
  manifest: DOCKER_MANIFEST,
  index: DOCKER_INDEX,
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
};
const OCI_TYPES = { manifest: OCI_MANIFEST, index: OCI_INDEX, config: OCI_CONFIG, layer: OCI_LAYER_GZIP };

/** An image, or with `artifactType` an artifact with the empty config. The same options give the same digest. */
export async function makeImage(options: ImageOptions = {}): Promise<MadeImage> {
  const { layers = [{ size: 1000, seed: 1 }], platform = { os: 'linux', architecture: 'amd64' } } = options;
  const types = typesOf(options);
  const make = options.runnable === true ? makeArchiveLayer : makeOpaqueLayer;
  const own = await Promise.all(layers.map((layer) => make(layer, types.layer)));
  const made = [...(options.base ?? []), ...own];
  const config =
    options.artifactType === undefined
      ? configOf(options, platform, made)
      : makeBlob(Buffer.from('{}'), OCI_EMPTY);
  const blobs = [config, ...made];
  const [first, ...rest] = blobs.map(({ descriptor }) => descriptor);
  const content = contentOf(types.manifest, { config: first, layers: rest }, options);
  const descriptor =
    options.artifactType === undefined ? { ...content.descriptor, platform } : content.descriptor;
  return { content: { ...content, descriptor }, blobs, children: [] };
}

/** An index of images, in their order. */
export function makeIndex(images: readonly MadeImage[], options: ManifestOptions = {}): MadeImage {
  const manifests = images.map(({ content }) => content.descriptor);
  return { content: contentOf(typesOf(options).index, { manifests }, options), blobs: [], children: images };
}

function typesOf({ mediaTypes = 'oci' }: ManifestOptions): typeof OCI_TYPES | typeof DOCKER_TYPES {
  return mediaTypes === 'oci' ? OCI_TYPES : DOCKER_TYPES;
}

function configOf(options: ImageOptions, platform: Platform, layers: readonly MadeLayer[]): MadeBlob {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
  const bytes = Buffer.from(JSON.stringify({ ...platform, config: {}, rootfs, ...options.config }));
  return makeBlob(bytes, options.configType ?? typesOf(options).config);
}

function contentOf(
  mediaType: string,
  parts: object,
  { artifactType, subject, annotations }: ManifestOptions,
): MadeImage['content'] {
  const body = { schemaVersion: 2, mediaType, artifactType, ...parts, subject, annotations };
  const bytes = Buffer.from(JSON.stringify(body));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
