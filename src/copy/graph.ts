import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { InvalidManifestError, type Manifest, parseManifest } from '../image/manifest.ts';
import { isForeignLayer, isManifest } from '../image/media-type.ts';
import type { ManifestContent } from './target.ts';

/** Indexes inside indexes: BuildKit makes two levels, nobody has a use for more than three. */
const DEEPEST = 4;
/** Manifests of one image, all levels together: dozens in life, bounded for those who mean harm. */
const MOST_MANIFESTS = 1_000;

/** A manifest with what hangs below it. */
export interface Node {
  readonly content: ManifestContent;
  readonly manifest: Manifest;
  /** Children that have to be copied; those that the target has are left out. */
  readonly children: readonly Node[];
}

/** Reads a child, or says that it need not be copied. */
export type ReadChild = (child: Descriptor) => Promise<ManifestContent | undefined>;

/**
 * Reads an image from its root down, all children at once, each distinct one once.
 * @throws InvalidManifestError when it is nested or numerous beyond reason
 */
export async function readGraph(root: ManifestContent, readChild: ReadChild): Promise<Node> {
  const seen = new Map<Digest, Promise<Node | undefined>>();

  function visitChild(child: Descriptor, depth: number): Promise<Node | undefined> {
    const known = seen.get(child.digest);
    if (known !== undefined) return known;
    if (seen.size >= MOST_MANIFESTS)
      throw new InvalidManifestError(`wanted at most ${MOST_MANIFESTS} manifests in one image`);
    const visit = readChild(child).then((content) =>
      content === undefined ? undefined : visitNode(content, depth),
    );
    seen.set(child.digest, visit);
    return visit;
  }

  async function visitNode(content: ManifestContent, depth: number): Promise<Node> {
    if (depth > DEEPEST) throw new InvalidManifestError(`wanted at most ${DEEPEST} levels of indexes`);
    const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
    const children = await Promise.all(childrenOf(manifest).map((child) => visitChild(child, depth + 1)));
    return { content, manifest, children: children.filter((child) => child !== undefined) };
  }

  return visitNode(root, 1);
}

/** Entries of an index that are manifests. Other media types are blobs that an index happens to list. */
function childrenOf({ manifests }: Manifest): readonly Descriptor[] {
  return manifests.filter(({ mediaType }) => isManifest(mediaType));
}

/** What a manifest needs in the blob store. Foreign layers stay where they are: their URLs are never followed. */
export function blobsOf({ blobs, manifests }: Manifest): readonly Descriptor[] {
  const listed = manifests.filter(({ mediaType }) => !isManifest(mediaType));
  return [...blobs, ...listed].filter(
    ({ mediaType, urls }) => !isForeignLayer(mediaType) && (urls ?? []).length === 0,
  );
}

/** Every node, children before their parents, each once. */
export function nodesOf(root: Node): readonly Node[] {
  const nodes = new Set<Node>();
  function add(node: Node): void {
    node.children.forEach(add);
    nodes.add(node);
  }
  add(root);
  return [...nodes];
}

/** The distinct blobs of a graph, largest first: the longest transfer must not be the last to begin. */
export function distinctBlobs(root: Node): readonly Descriptor[] {
  const blobs = new Map(
    nodesOf(root).flatMap(({ manifest }) => blobsOf(manifest).map((blob) => [blob.digest, blob])),
  );
  return [...blobs.values()].toSorted((one, other) => other.size - one.size);
}
