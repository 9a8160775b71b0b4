import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';

/** A manifest as it was served: the descriptor made of its real size and digest, and the bytes untouched. */
export interface ManifestContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * Where images are read: a repository of a registry, an OCI layout directory, the content store of a node.
 * The words are those of the ORAS libraries. Every call rejects with an error that has a stable `code`;
 * `NOT_FOUND` says that the content is certainly absent.
 */
export interface Source {
  /** Tag or digest → the manifest's descriptor, without reading the manifest where that is possible. */
  resolve(identifier: string, signal: AbortSignal): Promise<Descriptor>;
  /** Tag or digest → the manifest itself, at most `LARGEST_MANIFEST` bytes, digest checked. */
  fetchReference(identifier: string, signal: AbortSignal): Promise<ManifestContent>;
  /**
   * Opens a blob from its first byte. The stream is verified: it errors, before its last bytes are handed on,
   * when size or digest differ from the descriptor's.
   */
  fetch(descriptor: Descriptor, signal: AbortSignal): Promise<Readable>;
  /** Manifests whose `subject` is this one (OCI 1.1 referrers). Empty where there are none. */
  predecessors(descriptor: Descriptor, signal: AbortSignal): Promise<readonly Descriptor[]>;
}

/** How a blob came to be in the target: sent, linked from another repository of it, or it was there. */
export type Pushed = 'pushed' | 'mounted' | 'present';

export interface PushOptions {
  /** Repository path in the same registry that is known to hold the blob. */
  readonly mountFrom?: string;
  /** Send the blob even if the target says that it is there: it said so before and was wrong. */
  readonly force?: boolean;
}

/** Where images are written. */
export interface Target extends Source {
  /** Is the manifest there? (Blobs are not asked for: `push` finds out on its way.) */
  exists(digest: Digest, signal: AbortSignal): Promise<boolean>;
  /**
   * Makes sure that a blob is there. `open` is called only when bytes are needed and the target is ready to take them,
   * because a source stream left waiting is cut by CDNs; it may be called again when a send has to start anew.
   */
  push(
    descriptor: Descriptor,
    open: () => Promise<Readable>,
    signal: AbortSignal,
    options?: PushOptions,
  ): Promise<Pushed>;
  /** Writes a manifest under a tag or under its own digest. What it points at must be there already. */
  pushReference(content: ManifestContent, identifier: string, signal: AbortSignal): Promise<void>;
}
