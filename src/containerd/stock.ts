import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { InvalidManifestError, type Manifest, parseManifest } from '../image/manifest.ts';
import { isForeignLayer, isIndex, isManifest } from '../image/media-type.ts';
import { hasCode } from './containerd-error.ts';
import type { ContentStore } from './content-store.ts';

/** Indexes inside indexes: BuildKit makes two levels, nobody has a use for more than three. */
const DEEPEST = 4;
/** Manifests looked at for one image, all levels together: dozens in life, bounded for those who mean harm. */
const MOST_MANIFESTS = 1_000;
/** Bytes of all of them: a few hundred KiB in life. */
const LARGEST_MANIFESTS = 64 * 1024 * 1024;
/** By its annotation BuildKit ties an attestation to an image of the same index; it is no image itself. */
const ATTESTS = 'vnd.docker.reference.digest';

/** Content that an image needs and the store does not have as it should be. */
export interface Gap {
  readonly digest: Digest;
  /** After the digest: `is not there`. */
  readonly why: string;
}

/** An image for one platform whose content is all there. */
interface WholeImage {
  readonly descriptor: Descriptor;
  readonly parts: readonly Descriptor[];
}

/** What the store has of an image, by its size: contents are not read, but for manifests. */
export interface Stock {
  /** Manifests and blobs that are there. */
  readonly parts: readonly Descriptor[];
  readonly gaps: readonly Gap[];
  /** Of an index the images that are whole, in its order. */
  readonly images: readonly WholeImage[];
}

/** Looks through one image. */
export class StockTaking {
  readonly #store: ContentStore;
  readonly #signal: AbortSignal;
  readonly #sizes = new Map<Digest, Promise<number | undefined>>();
  #manifests = 0;
  #bytes = 0;

  constructor(store: ContentStore, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
  }

  /** @param depth levels of indexes so far, with this one */
  async of(descriptor: Descriptor, depth = 1): Promise<Stock> {
    const read = await this.#read(descriptor, depth);
    if ('why' in read) return { parts: [], gaps: [read], images: [] };
    const children = childrenOf(read);
    if (this.#areTooMany(children)) {
      const why = `leads to over ${MOST_MANIFESTS} manifests, or ${LARGEST_MANIFESTS} bytes of them`;
      return { parts: [], gaps: [{ digest: descriptor.digest, why }], images: [] };
    }
    const below = await Promise.all(children.map((child) => this.of(child, depth + 1)));
    const blobs = blobsOf(read);
    const found = await Promise.all(blobs.map((blob) => this.#gapAt(blob)));
    const gaps = [...below.flatMap((child) => child.gaps), ...found.filter((gap) => gap !== undefined)];
    const there = blobs.filter((_, index) => found[index] === undefined);
    const parts = [descriptor, ...below.flatMap((child) => child.parts), ...there];
    const isWholeImage = gaps.length === 0 && isImage(descriptor, read);
    const images = isWholeImage ? [{ descriptor, parts }] : below.flatMap((child) => child.images);
    return { parts, gaps, images };
  }

  /** Before any of them is asked for. */
  #areTooMany(children: readonly Descriptor[]): boolean {
    this.#manifests += children.length;
    this.#bytes += children.reduce((sum, { size }) => sum + size, 0);
    return this.#manifests > MOST_MANIFESTS || this.#bytes > LARGEST_MANIFESTS;
  }

  async #read(descriptor: Descriptor, depth: number): Promise<Manifest | Gap> {
    const { digest, mediaType } = descriptor;
    if (depth > DEEPEST) return { digest, why: `is below ${DEEPEST} levels of indexes` };
    if (this.#manifests > MOST_MANIFESTS)
      return { digest, why: `is one of over ${MOST_MANIFESTS} manifests` };
    const gap = await this.#gapAt(descriptor);
    if (gap !== undefined) return gap;
    try {
      return parseManifest(await this.#store.readManifest(digest, this.#signal), mediaType);
    } catch (error) {
      return unreadable(digest, error);
    }
  }

  async #gapAt({ digest, size: wanted }: Descriptor): Promise<Gap | undefined> {
    const asked = this.#sizes.get(digest) ?? this.#store.size(digest, this.#signal);
    this.#sizes.set(digest, asked);
    const size = await asked;
    if (size === undefined) return { digest, why: 'is not there' };
    return size === wanted ? undefined : { digest, why: `has ${size} bytes instead of ${wanted}` };
  }
}

/** Broken content is as good as none; a daemon that fails says nothing about the content. */
function unreadable(digest: Digest, error: unknown): Gap {
  if (hasCode(error, 'NOT_FOUND')) return { digest, why: 'is not there' };
  if (error instanceof InvalidManifestError || hasCode(error, 'CONTENT_MISMATCH', 'TOO_LARGE'))
    return { digest, why: `is broken (${error instanceof Error ? error.message : ''})` };
  throw error;
}

/** Each once, though an index may name it for several platforms. */
function childrenOf({ manifests }: Manifest): readonly Descriptor[] {
  const children = manifests.filter(({ mediaType }) => isManifest(mediaType));
  return [...new Map(children.toReversed().map((child) => [child.digest, child])).values()].toReversed();
}

/** Foreign layers stay where they are, and no copy needs them. */
function blobsOf({ blobs, manifests }: Manifest): readonly Descriptor[] {
  const listed = [...blobs, ...manifests.filter(({ mediaType }) => !isManifest(mediaType))];
  return listed.filter(({ mediaType, urls }) => !isForeignLayer(mediaType) && (urls ?? []).length === 0);
}

function isImage({ annotations }: Descriptor, { mediaType, subject }: Manifest): boolean {
  return !isIndex(mediaType) && subject === undefined && annotations?.[ATTESTS] === undefined;
}
