import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { InvalidManifestError, LARGEST_MANIFEST, type Manifest, parseManifest } from '../image/manifest.ts';
import { isManifest } from '../image/media-type.ts';
import type { BlobStore } from './blob-store.ts';
import { LayoutError } from './layout-error.ts';

/** A manifest that can be reached: as little of it as is needed to walk on, since all of them stay in memory. */
export interface ManifestNode {
  /** As a referrer is listed: with the artifact type and annotations of the manifest. */
  readonly descriptor: Descriptor;
  /** Children of an index. */
  readonly children: readonly Descriptor[];
  readonly subject: Digest | undefined;
}

type Nodes = ReadonlyMap<Digest, ManifestNode>;

/** Which manifests a layout has: the entries of its index.json and what these lead to through indexes. */
export class ManifestGraph {
  readonly #blobs: BlobStore;
  /** By digest, so never stale; only a deletion takes one away. */
  readonly #read = new Map<Digest, ManifestNode>();
  #walk: { readonly entries: readonly Descriptor[]; readonly nodes: Promise<Nodes> } | undefined;

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** Walks once for the same array of entries. */
  async reachable(entries: readonly Descriptor[]): Promise<Nodes> {
    if (this.#walk?.entries !== entries) this.#walk = { entries, nodes: this.#collect(entries) };
    const walk = this.#walk;
    try {
      return await walk.nodes;
    } catch (error) {
      if (this.#walk === walk) this.#walk = undefined;
      throw error;
    }
  }

  forget(digest: Digest): void {
    this.#read.delete(digest);
  }

  async #collect(entries: readonly Descriptor[]): Promise<Nodes> {
    const nodes = new Map<Digest, ManifestNode>();
    const found = [...entries];
    // The list grows while it is walked.
    for (const next of found) {
      const node = nodes.has(next.digest) ? undefined : await this.#node(next);
      if (node === undefined) continue;
      nodes.set(next.digest, node);
      found.push(...node.children);
    }
    return nodes;
  }

  /** @returns undefined for what is absent, as the other platforms of a sparse index are, and for what is no manifest */
  async #node({ digest, mediaType }: Descriptor): Promise<ManifestNode | undefined> {
    const known = this.#read.get(digest);
    if (known !== undefined || !isManifest(mediaType)) return known;
    const node = await this.#parse(digest, mediaType);
    if (node !== undefined) this.#read.set(digest, node);
    return node;
  }

  /** Broken content counts as absent, so that a copy heals it. */
  async #parse(digest: Digest, mediaType: string): Promise<ManifestNode | undefined> {
    try {
      const bytes = await this.#blobs.readWhole(digest, LARGEST_MANIFEST);
      return nodeOf({ mediaType, digest, size: bytes.length }, parseManifest(bytes, mediaType));
    } catch (error) {
      if (error instanceof LayoutError || error instanceof InvalidManifestError) return undefined;
      throw error;
    }
  }
}

function nodeOf(descriptor: Descriptor, manifest: Manifest): ManifestNode {
  const { manifests, subject, artifactType, annotations } = manifest;
  const details = {
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
  };
  return { descriptor: { ...descriptor, ...details }, children: manifests, subject: subject?.digest };
}
