import { join, resolve } from 'node:path';
import { addAbortSignal, pipeline, Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { LARGEST_MANIFEST, type Manifest, parseManifest } from '../image/manifest.ts';
import { isForeignLayer } from '../image/media-type.ts';
import { BlobStore } from './blob-store.ts';
import { tagOf, withDigest, withoutChildren, withoutDigest, withoutTag, withTag } from './entry.ts';
import { IndexFile } from './index-file.ts';
import { LayoutError } from './layout-error.ts';
import { ManifestGraph, type ManifestNode } from './manifest-graph.ts';
import { checkMarker, ensureMarker } from './marker.ts';
import { removeAbandoned } from './temporary.ts';
import { VerifiedStream } from './verified-stream.ts';

/** A manifest with its bytes untouched. */
interface ManifestContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

interface PushOptions {
  /** Write the blob even if it is there. */
  readonly force?: boolean;
}

/**
 * An OCI image layout directory (OCI image spec 1.1, image-layout.md), source and target of copies. Content is written
 * beside its place and moved there once it was checked. Any number of readers, and writers within one process; two
 * processes that write index.json at the same moment may lose an entry of one of them.
 */
export class Layout {
  readonly blobs: BlobStore;
  readonly #index: IndexFile;
  readonly #graph: ManifestGraph;

  private constructor(directory: string) {
    this.blobs = new BlobStore(join(directory, 'blobs'));
    this.#index = new IndexFile(join(directory, 'index.json'));
    this.#graph = new ManifestGraph(this.blobs);
  }

  /** Opens a layout, and removes what an earlier crash left half written. @throws LayoutError */
  static async open(directory: string): Promise<Layout> {
    const path = resolve(directory);
    await checkMarker(path);
    const layout = new Layout(path);
    await layout.#index.entries();
    await removeAbandoned(path);
    await layout.blobs.removeAbandoned();
    return layout;
  }

  /** Opens a layout; makes one of an absent or empty directory. @throws LayoutError */
  static async create(directory: string): Promise<Layout> {
    const path = resolve(directory);
    await ensureMarker(path);
    await new Layout(path).#index.create();
    return Layout.open(path);
  }

  /** @param identifier tag or digest */
  async resolve(identifier: string): Promise<Descriptor> {
    const found = isDigest(identifier) ? await this.#byDigest(identifier) : await this.#byTag(identifier);
    if (found !== undefined && (await this.blobs.size(found.digest)) !== undefined) return found;
    throw new LayoutError('it is not there', { code: 'NOT_FOUND', operation: `resolve ${identifier}` });
  }

  async fetchReference(identifier: string): Promise<ManifestContent> {
    const { mediaType, digest } = await this.resolve(identifier);
    const bytes = await this.blobs.readWhole(digest, LARGEST_MANIFEST);
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  }

  /** The stream errors, before its last bytes are handed on, when size or digest are not the descriptor's. */
  async fetch(descriptor: Descriptor, signal: AbortSignal): Promise<Readable> {
    const source = addAbortSignal(signal, await this.blobs.read(descriptor.digest));
    // The reader gets every error from the stream it holds.
    return pipeline(source, new VerifiedStream(descriptor, `read ${descriptor.digest}`), () => {});
  }

  /** Manifests whose subject is this one, with artifact type and annotations as a registry lists referrers. */
  async predecessors({ digest }: Pick<Descriptor, 'digest'>): Promise<readonly Descriptor[]> {
    const nodes = [...(await this.#nodes()).values()];
    return nodes.filter(({ subject }) => subject === digest).map(({ descriptor }) => descriptor);
  }

  /** Is the manifest there? */
  async exists(digest: Digest): Promise<boolean> {
    return (await this.#nodes()).has(digest) && (await this.blobs.size(digest)) !== undefined;
  }

  async push(
    descriptor: Descriptor,
    open: () => Promise<Readable>,
    signal?: AbortSignal,
    { force = false }: PushOptions = {},
  ): Promise<'pushed' | 'present'> {
    if (!force && (await this.blobs.size(descriptor.digest)) === descriptor.size) return 'present';
    await this.blobs.write(descriptor, open, signal);
    return 'pushed';
  }

  /** @param identifier tag, or the manifest's own digest. @throws LayoutError naming all content that is missing */
  async pushReference(content: ManifestContent, identifier: string): Promise<void> {
    const { mediaType, digest, size } = content.descriptor;
    const manifest = parseManifest(content.bytes, mediaType);
    if (isDigest(identifier) && identifier !== digest)
      throw new LayoutError(`wanted digest ${identifier}, got ${digest}`, {
        code: 'CONTENT_MISMATCH',
        operation: 'write manifest',
      });
    await this.#refuseMissing(digest, manifest);
    await this.blobs.write(content.descriptor, async () =>
      Readable.from([content.bytes], { objectMode: false }),
    );
    const entry = { mediaType, digest, size };
    await this.#index.update((entries) => {
      const added = isDigest(identifier) ? withDigest(entries, entry) : withTag(entries, entry, identifier);
      return withoutChildren(added, manifest.manifests);
    });
  }

  /** Gives a manifest that is there one more tag. */
  async tag(identifier: string, tag: string): Promise<void> {
    const { mediaType, digest, size } = await this.resolve(identifier);
    await this.#index.update((entries) => withTag(entries, { mediaType, digest, size }, tag));
  }

  async tags(): Promise<readonly string[]> {
    return (await this.#index.entries()).flatMap((entry) => tagOf(entry) ?? []);
  }

  /** Takes away a tag, which leaves the manifest, or a manifest with all its tags. Blobs stay. */
  async delete(identifier: string): Promise<void> {
    const { digest } = await this.resolve(identifier);
    if (!isDigest(identifier)) {
      await this.#index.update((entries) => withoutTag(entries, identifier));
      return;
    }
    const children = await this.#childrenOf(digest);
    this.#graph.forget(digest);
    // Children that were reached through this index alone become entries of their own.
    await this.#index.update((entries) => children.reduce(withDigest, withoutDigest(entries, digest)));
    await this.blobs.delete(digest);
  }

  async #byTag(tag: string): Promise<Descriptor | undefined> {
    return (await this.#index.entries()).find((entry) => tagOf(entry) === tag);
  }

  /** An entry is believed; anything else must be found on the way through the indexes. */
  async #byDigest(digest: Digest): Promise<Descriptor | undefined> {
    const entry = (await this.#index.entries()).find((candidate) => candidate.digest === digest);
    return entry ?? (await this.#nodes()).get(digest)?.descriptor;
  }

  async #nodes(): Promise<ReadonlyMap<Digest, ManifestNode>> {
    return this.#graph.reachable(await this.#index.entries());
  }

  async #childrenOf(digest: Digest): Promise<readonly Descriptor[]> {
    const nodes = await this.#nodes();
    const children = nodes.get(digest)?.children ?? [];
    return children
      .filter((child) => nodes.has(child.digest))
      .map(({ mediaType, digest: child, size }) => ({ mediaType, digest: child, size }));
  }

  async #refuseMissing(digest: Digest, { blobs, manifests }: Manifest): Promise<void> {
    const wanted = [...blobs.filter((blob) => !livesElsewhere(blob)), ...manifests].map(
      (part) => part.digest,
    );
    const sizes = await Promise.all(wanted.map((part) => this.blobs.size(part)));
    const missing = wanted.filter((_, index) => sizes[index] === undefined);
    if (missing.length === 0) return;
    const operation = `write manifest ${digest}`;
    throw new LayoutError(`wanted ${missing.join(', ')} to be there`, {
      code: 'MISSING_CONTENT',
      operation,
      missing,
    });
  }
}

/** Layers that need not be distributed, or that say where to get them. */
function livesElsewhere({ mediaType, urls }: Descriptor): boolean {
  return urls !== undefined || isForeignLayer(mediaType);
}
