import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, type Digest, digestOf } from '../image/digest.ts';
import type { BlobMemory, Place } from './blob-memory.ts';
import { CopyError, step } from './copy-error.ts';
import { blobsOf, distinctBlobs, type Node, readGraph } from './graph.ts';
import type { TransferLimit } from './limit.ts';
import { handled } from './promise.ts';
import type { ManifestContent, Pushed, Source, Target } from './target.ts';

/** Waits before a manifest is offered again to a registry whose blobs take a moment to be seen (replicated Harbor). */
const CONSISTENCY_WAITS_MS = [500, 1_000, 2_000] as const;

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
  readonly onStart?: (plan: { readonly bytes: number; readonly blobs: number }) => void;
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

/**
 * Copies an image or any other artifact: its blobs, then its manifests from the leaves up, the root last and under
 * `identifier`. Bytes and digests stay as they are.
 *
 * That a manifest is in the target does not prove that all it names is: when the target misses something after all,
 * everything is sent once more without asking what is there.
 * @throws CopyError
 */
export async function copyGraph(copy: GraphCopy, root: ManifestContent, identifier: string): Promise<Moved> {
  const believing = new Pass(copy, false);
  try {
    return await believing.run(root, identifier);
  } catch (error) {
    if (!isMissingContent(error) || !believing.believedSomething) throw error;
    return new Pass(copy, true).run(root, identifier);
  }
}

class Pass {
  readonly #copy: GraphCopy;
  /** Send everything, whatever the target says it has. */
  readonly #force: boolean;
  readonly #moved = { bytes: 0, blobs: { pushed: 0, mounted: 0, present: 0 } };
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #childrenPresent = 0;

  constructor(copy: GraphCopy, force: boolean) {
    this.#copy = copy;
    this.#force = force;
    this.#signal = AbortSignal.any([copy.signal, this.#stop.signal]);
  }

  /** True when the target was taken at its word about something. */
  get believedSomething(): boolean {
    return this.#childrenPresent + this.#moved.blobs.mounted + this.#moved.blobs.present > 0;
  }

  async run(root: ManifestContent, identifier: string): Promise<Moved> {
    try {
      const graph = await readGraph(root, (child) => this.#readChild(child));
      await this.#node(graph, identifier, this.#startBlobs(graph));
      return this.#moved;
    } finally {
      // After a failure nothing of this pass goes on; after a success nothing is left to stop.
      this.#stop.abort();
    }
  }

  #startBlobs(graph: Node): ReadonlyMap<Digest, Promise<void>> {
    const blobs = distinctBlobs(graph);
    this.#copy.onStart?.({ bytes: blobs.reduce((sum, { size }) => sum + size, 0), blobs: blobs.length });
    return new Map(blobs.map((blob) => [blob.digest, handled(this.#blob(blob))]));
  }

  async #readChild(child: Descriptor): Promise<ManifestContent | undefined> {
    if (this.#force) return this.#fetchChild(child);
    if (this.#copy.frugal === true) return (await this.#isThere(child)) ? undefined : this.#fetchChild(child);
    // Both at once: a child is seldom there before its parent, so the answer to the one rarely spares the other.
    const content = this.#fetchChild(child);
    return (await this.#isThere(child)) ? undefined : content;
  }

  async #isThere({ digest }: Descriptor): Promise<boolean> {
    const target = this.#copy.target;
    const there = await step({ operation: 'look for manifest', side: 'target', digest }, () =>
      target.exists(digest, this.#signal),
    );
    if (there) this.#childrenPresent += 1;
    return there;
  }

  #fetchChild({ digest }: Descriptor): Promise<ManifestContent> {
    const fetch = (): Promise<ManifestContent> => this.#copy.source.fetchReference(digest, this.#signal);
    return handled(step({ operation: 'read manifest', side: 'source', digest }, fetch));
  }

  async #node(node: Node, identifier: string, arrivals: ReadonlyMap<Digest, Promise<void>>): Promise<void> {
    const below = node.children.map((child) => this.#node(child, child.content.descriptor.digest, arrivals));
    await Promise.all([...below, ...blobsOf(node.manifest).map(({ digest }) => arrivals.get(digest))]);
    await this.#pushManifest(node.content, identifier);
  }

  async #pushManifest(content: ManifestContent, identifier: string): Promise<void> {
    const { target, onManifest } = this.#copy;
    const { digest } = content.descriptor;
    const begun = performance.now();
    await this.#untilConsistent(() =>
      step({ operation: 'push manifest', side: 'target', digest }, () =>
        target.pushReference(content, identifier, this.#signal),
      ),
    );
    onManifest?.({ digest, durationMs: performance.now() - begun });
  }

  /** Where everything was sent just now, missing content can only be late. */
  async #untilConsistent(push: () => Promise<void>): Promise<void> {
    for (const wait of CONSISTENCY_WAITS_MS) {
      try {
        return await push();
      } catch (error) {
        if (!isMissingContent(error) || this.believedSomething) throw error;
        await delay(wait, undefined, { signal: this.#signal });
      }
    }
    return push();
  }

  #blob(descriptor: Descriptor): Promise<void> {
    const { mounts, limit } = this.#copy;
    const { digest } = descriptor;
    const holder = this.#force ? undefined : mounts?.memory.holderOf(mounts.place, digest);
    // The wait for another copy of the same blob must not occupy a place that this other copy may need.
    if (holder !== undefined) return holder.then((path) => limit(() => this.#push(descriptor, path)));
    const arrival = limit(() => this.#push(descriptor, undefined));
    mounts?.memory.announce(mounts.place, digest, arrival);
    return arrival;
  }

  async #push(descriptor: Descriptor, holder: string | undefined): Promise<void> {
    const { mounts, onBlob, mountFrom: origin } = this.#copy;
    const begun = performance.now();
    const from = holder ?? origin;
    const mountFrom = from === undefined || from === mounts?.place.path ? {} : { mountFrom: from };
    const pushed = await this.#send(descriptor, mountFrom);
    this.#moved.blobs[pushed] += 1;
    if (pushed === 'pushed') this.#moved.bytes += descriptor.size;
    onBlob?.({ descriptor, pushed, durationMs: performance.now() - begun });
  }

  /** A stream's failure is the source's, everything else the target's. */
  async #send(descriptor: Descriptor, mount: { readonly mountFrom?: string }): Promise<Pushed> {
    const { source, target } = this.#copy;
    const { digest } = descriptor;
    let sourceFault: unknown;
    const open = async (): Promise<Readable> => {
      try {
        const stream = inlineContent(descriptor) ?? (await source.fetch(descriptor, this.#signal));
        return stream.once('error', (fault) => (sourceFault = fault));
      } catch (fault) {
        sourceFault = fault;
        throw fault;
      }
    };
    try {
      return await target.push(descriptor, open, this.#signal, { ...mount, force: this.#force });
    } catch (cause) {
      throw new CopyError({
        operation: 'copy blob',
        side: cause === sourceFault ? 'source' : 'target',
        digest,
        cause,
      });
    }
  }
}

/** A descriptor may carry its content (OCI image spec, `data`); believed only when size and digest are right. */
function inlineContent({ data, digest, size }: Descriptor): Readable | undefined {
  if (data === undefined) return undefined;
  const bytes = Buffer.from(data, 'base64');
  return bytes.length === size && digestOf(bytes, algorithmOf(digest)) === digest
    ? Readable.from([bytes])
    : undefined;
}

function isMissingContent(error: unknown): boolean {
  return error instanceof CopyError && error.side === 'target' && error.code === 'MISSING_CONTENT';
}
