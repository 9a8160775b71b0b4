import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { InvalidManifestError, type Manifest, parseManifest } from '../image/manifest.ts';
import { isForeignLayer, isManifest } from '../image/media-type.ts';
import { handled } from './promise.ts';
import type { ManifestContent } from './target.ts';

/** Indexes inside indexes: BuildKit makes two levels, nobody has a use for more than three. */
const DEEPEST = 4;
/** Manifests of one image, all levels together: dozens in life, bounded for those who mean harm. */
const MOST_MANIFESTS = 1_000;
/** Bytes of all of them, which are in memory until the copy is done: a few hundred KiB in life. */
const LARGEST_MANIFESTS = 64 * 1024 * 1024;
/** Distinct blobs of one image: each costs three requests at the target. */
const MOST_BLOBS = 10_000;

/** A manifest with what hangs below it. */
export interface Node {
  readonly content: ManifestContent;
  readonly manifest: Manifest;
  /** Children that have to be copied, each once; those that the target has are left out. */
  readonly children: readonly Node[];
}

/** Reads a child, or says that it need not be copied. */
export type ReadChild = (child: Descriptor) => Promise<ManifestContent | undefined>;

/**
 * Reads an image from its root down, all children at once, each distinct one once.
 * @throws InvalidManifestError when it is nested or numerous beyond reason, or a child is not what its entry says
 */
export function readGraph(root: ManifestContent, readChild: ReadChild): Promise<Node> {
  return new Reading(readChild).node(root, 1);
}

class Reading {
  readonly #readChild: ReadChild;
  readonly #seen = new Map<Digest, Promise<Node | undefined>>();
  #bytes = 0;

  constructor(readChild: ReadChild) {
    this.#readChild = readChild;
  }

  async node(content: ManifestContent, depth: number): Promise<Node> {
    if (depth > DEEPEST) throw new InvalidManifestError(`wanted at most ${DEEPEST} levels of indexes`);
    const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
    const entries = distinct(childrenOf(manifest));
    this.#refuseTooMany(entries);
    const children = await Promise.all(entries.map((child) => this.#child(child, depth + 1)));
    return { content, manifest, children: children.filter((child) => child !== undefined) };
  }

  #child(child: Descriptor, depth: number): Promise<Node | undefined> {
    const known = this.#seen.get(child.digest);
    if (known !== undefined) return known;
    const reading = handled(this.#read(child, depth));
    this.#seen.set(child.digest, reading);
    return reading;
  }

  async #read(child: Descriptor, depth: number): Promise<Node | undefined> {
    const content = await this.#readChild(child);
    if (content === undefined) return undefined;
    refuseOther(child, content.descriptor);
    return this.node(content, depth);
  }

  /** Before any of them is asked for. */
  #refuseTooMany(entries: readonly Descriptor[]): void {
    const fresh = entries.filter(({ digest }) => !this.#seen.has(digest));
    this.#bytes += fresh.reduce((sum, { size }) => sum + size, 0);
    if (this.#seen.size + fresh.length > MOST_MANIFESTS)
      throw new InvalidManifestError(`wanted at most ${MOST_MANIFESTS} manifests in one image`);
    if (this.#bytes > LARGEST_MANIFESTS)
      throw new InvalidManifestError(`wanted at most ${LARGEST_MANIFESTS} bytes of manifests in one image`);
  }
}

/** The digest is right already; two readers of the same index must not take it for two things (CVE-2021-41190). */
function refuseOther(entry: Descriptor, actual: Descriptor): void {
  if (entry.mediaType === actual.mediaType && entry.size === actual.size) return;
  throw new InvalidManifestError(
    `its index says ${JSON.stringify(entry.mediaType)} of ${entry.size} bytes, it is ${JSON.stringify(actual.mediaType)} of ${actual.size}`,
  );
}

/** Entries of an index that are manifests. Other media types are blobs that an index happens to list. */
function childrenOf({ manifests }: Manifest): readonly Descriptor[] {
  return manifests.filter(({ mediaType }) => isManifest(mediaType));
}

/** What a manifest needs in the blob store. Foreign layers stay where they are: their URLs are never followed. */
export function blobsOf(manifest: Manifest): readonly Descriptor[] {
  return listedBlobs(manifest).filter((blob) => !isForeign(blob));
}

/** Does it list layers that stay elsewhere? A target has to be willing to take it without them. */
export function hasForeignLayers(manifest: Manifest): boolean {
  return listedBlobs(manifest).some(isForeign);
}

function listedBlobs({ blobs, manifests }: Manifest): readonly Descriptor[] {
  return [...blobs, ...manifests.filter(({ mediaType }) => !isManifest(mediaType))];
}

function isForeign({ mediaType, urls }: Descriptor): boolean {
  return isForeignLayer(mediaType) || (urls ?? []).length > 0;
}

/**
 * The distinct blobs of a graph, largest first: the longest transfer must not be the last to begin.
 * @throws InvalidManifestError when they are numerous beyond reason
 */
export function distinctBlobs(root: Node): readonly Descriptor[] {
  const blobs = distinct(nodesOf(root).flatMap(({ manifest }) => blobsOf(manifest)));
  if (blobs.length > MOST_BLOBS)
    throw new InvalidManifestError(`wanted at most ${MOST_BLOBS} blobs in one image, got ${blobs.length}`);
  return blobs.toSorted((one, other) => other.size - one.size);
}

function nodesOf(root: Node): readonly Node[] {
  const nodes = new Set<Node>([root]);
  // A set's iteration reaches what is added on the way.
  for (const node of nodes) for (const child of node.children) nodes.add(child);
  return [...nodes];
}

function distinct(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
}
