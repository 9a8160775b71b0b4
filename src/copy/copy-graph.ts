import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { BlobMemory, Place } from './blob-memory.ts';
import { CopyError } from './copy-error.ts';
import type { TransferLimit } from './limit.ts';
import { Pass } from './pass.ts';
import type { ManifestContent, Pushed, Source, Target } from './target.ts';

export interface GraphCopy {
  readonly source: Source;
  readonly target: Target;
  /** Bounds the blobs under way, over all copies that share it. */
  readonly limit: TransferLimit;
  readonly signal: AbortSignal;
  /** Ask the target for each child before the source is: right where the source counts what is read from it. */
  readonly frugal?: boolean;
  /** Where the target is, with the memory of what its registry holds; a layout has no such place. */
  readonly mounts?: { readonly memory: BlobMemory; readonly place: Place };
  /** Repository of the target's registry that holds the whole image, because it is its source. */
  readonly mountFrom?: string;
  /** Waits before a manifest is offered again whose parts the target does not see yet. Default: 0.5, 1 and 2 s. */
  readonly consistencyWaitsMs?: readonly number[];
  readonly onStart?: (plan: { readonly bytes: number; readonly blobs: number }) => void;
  /** Called for each piece of a blob that is read, with its bytes so far: they begin anew where a send does. */
  readonly onBytes?: (descriptor: Descriptor, bytes: number) => void;
  readonly onBlob?: (blob: {
    readonly descriptor: Descriptor;
    readonly pushed: Pushed;
    readonly durationMs: number;
  }) => void;
  readonly onManifest?: (manifest: { readonly digest: Digest; readonly durationMs: number }) => void;
}

/** What a copy moved: bytes sent, and blobs by the way they went. */
export interface Moved {
  readonly bytes: number;
  readonly blobs: Record<Pushed, number>;
}

/** Says that the target lacks something; Artifactory says it with the second. */
const INCOMPLETE: ReadonlySet<string> = new Set(['MISSING_CONTENT', 'INVALID_MANIFEST']);

/**
 * Copies an image or any other artifact: its blobs, then its manifests from the leaves up, the root last and under
 * `identifier`. Bytes and digests stay as they are. When it fails, all that it began has ended before it says so.
 *
 * That a manifest is in the target does not prove that all it names is: when the target misses something after all,
 * everything is sent once more without asking what is there.
 * @throws CopyError; InvalidManifestError
 */
export async function copyGraph(copy: GraphCopy, root: ManifestContent, identifier: string): Promise<Moved> {
  const believing = new Pass(copy, false);
  try {
    return await believing.run(root, identifier);
  } catch (error) {
    const incomplete = error instanceof CopyError && error.side === 'target' && INCOMPLETE.has(error.code);
    if (!incomplete || !believing.believedSomething) throw error;
    return new Pass(copy, true).run(root, identifier);
  }
}
