import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { ContainerdError } from './containerd-error.ts';
import type { ContentStore } from './content-store.ts';

/** A manifest with its bytes untouched. */
interface ManifestContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export interface StoreSourceOptions {
  readonly store: ContentStore;
  /** What a tag stands for here. */
  readonly root: Descriptor;
  readonly tag: string | undefined;
  /** Manifests and blobs whose media types are known. */
  readonly parts: readonly Descriptor[];
  /** Resolves when garbage collection will take nothing of them. */
  readonly hold: (signal: AbortSignal) => Promise<void>;
}

/** What says the media type when no descriptor does: the manifest itself. */
const ANY = 'application/octet-stream';

/** The content store of a daemon as the source of one image. Content is held from the first reading on. */
export class StoreSource {
  readonly #options: StoreSourceOptions;
  readonly #types: ReadonlyMap<Digest, string>;

  constructor(options: StoreSourceOptions) {
    this.#options = options;
    this.#types = new Map(options.parts.map(({ digest, mediaType }) => [digest, mediaType]));
  }

  /** @param identifier tag or digest @throws ContainerdError `NOT_FOUND` */
  async resolve(identifier: string, signal: AbortSignal): Promise<Descriptor> {
    return (await this.fetchReference(identifier, signal)).descriptor;
  }

  /** @throws ContainerdError `NOT_FOUND`, `MISSING_CONTENT`; InvalidManifestError */
  async fetchReference(identifier: string, signal: AbortSignal): Promise<ManifestContent> {
    const digest = this.#digestOf(identifier);
    const { store, hold } = this.#options;
    await hold(signal);
    const bytes = await store.readManifest(digest, signal);
    const mediaType = this.#types.get(digest) ?? parseManifest(bytes, ANY).mediaType;
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  }

  /** The stream errors, before its last bytes are handed on, when size or digest are not the descriptor's. */
  async fetch(descriptor: Descriptor, signal: AbortSignal): Promise<Readable> {
    const { store, hold } = this.#options;
    await hold(signal);
    return store.open(descriptor, signal);
  }

  /** containerd keeps no list of referrers. */
  async predecessors(): Promise<readonly Descriptor[]> {
    return [];
  }

  #digestOf(identifier: string): Digest {
    const { root, tag } = this.#options;
    if (isDigest(identifier)) return identifier;
    if (identifier === tag) return root.digest;
    const operation = `read ${JSON.stringify(identifier)} from containerd`;
    throw new ContainerdError(`wanted ${tag ?? root.digest}`, { code: 'NOT_FOUND', operation });
  }
}
