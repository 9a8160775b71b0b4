import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { Holder } from './blob-memory.ts';
import { copyBlob } from './copy-blob.ts';
import { CopyError, step } from './copy-error.ts';
import type { GraphCopy, Moved } from './copy-graph.ts';
import { blobsOf, distinctBlobs, hasForeignLayers, type Node, readGraph } from './graph.ts';
import { handled, pause, unlessAborted, within } from './promise.ts';
import type { ManifestContent } from './target.ts';

/** Replicated registries (Harbor) take a moment to see a blob that they have confirmed. */
const CONSISTENCY_WAITS_MS = [500, 1_000, 2_000];

/**
 * How long another copy is waited for that sends the same blob: a hostile source could claim a popular layer and never
 * deliver it. Honest ones are faster than 2 MiB a second, or it is no great loss to send the blob twice.
 */
const PATIENCE_MS = 15_000;
const PATIENCE_MS_PER_BYTE = 1000 / (2 * 1024 * 1024);

/**
 * A blob of this size keeps a connection and a processor busy by itself: each one more at a time costs memory, and brings
 * little. One less than there are costs most: the last goes alone, and what it keeps busy is one processor
 * (docs/benchmarks.md).
 */
const LARGE = 64 * 1024 * 1024;
const LARGE_AT_ONCE = 5;

/** One walk over a graph: everything is copied, or found to be there, or the first error ends it all. */
export class Pass {
  readonly #copy: GraphCopy;
  /** Send everything, whatever the target says it has. */
  readonly #force: boolean;
  readonly #moved = { bytes: 0, blobs: { pushed: 0, mounted: 0, present: 0 } };
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  /** Turns of large blobs, in the order in which they were asked for. */
  readonly #large: Promise<void>[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #pushes = new Map<Node, Promise<void>>();
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
      const arrivals = this.#startBlobs(graph);
      await this.#node(graph, identifier, arrivals);
      return this.#moved;
    } finally {
      // After a failure nothing of this pass goes on; after a success nothing is left to stop.
      this.#stop.abort();
      await Promise.allSettled(this.#running);
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

  /** A manifest goes after all that it names; one that several name goes once. */
  #node(node: Node, identifier: string, arrivals: ReadonlyMap<Digest, Promise<void>>): Promise<void> {
    const known = this.#pushes.get(node);
    if (known !== undefined) return known;
    const below = node.children.map((child) => this.#node(child, child.content.descriptor.digest, arrivals));
    const blobs = blobsOf(node.manifest).map(({ digest }) => arrivals.get(digest));
    const push = handled(Promise.all([...below, ...blobs]).then(() => this.#pushManifest(node, identifier)));
    this.#pushes.set(node, push);
    return push;
  }

  async #pushManifest({ content, manifest }: Node, identifier: string): Promise<void> {
    const { target, onManifest } = this.#copy;
    const { digest } = content.descriptor;
    const foreign = hasForeignLayers(manifest) ? ' whose foreign layers the target must allow,' : '';
    const begun = performance.now();
    await this.#untilConsistent(() =>
      step({ operation: `push manifest${foreign}`, side: 'target', digest }, () =>
        target.pushReference(content, identifier, this.#signal),
      ),
    );
    onManifest?.({ digest, durationMs: performance.now() - begun });
  }

  /** Where everything was sent just now, missing content can only be late. */
  async #untilConsistent(push: () => Promise<void>): Promise<void> {
    for (const wait of this.#copy.consistencyWaitsMs ?? CONSISTENCY_WAITS_MS) {
      try {
        return await push();
      } catch (error) {
        const late = error instanceof CopyError && error.code === 'MISSING_CONTENT';
        if (!late || this.believedSomething) throw error;
        await pause(wait, this.#signal).catch(() => Promise.reject(error));
      }
    }
    return push();
  }

  /** Said at once, before anything is awaited, so that nobody else can begin to send the same blob. */
  async #blob(descriptor: Descriptor): Promise<void> {
    const { mounts } = this.#copy;
    const { digest } = descriptor;
    for (;;) {
      const holder = this.#force ? undefined : mounts?.memory.holderOf(mounts.place, digest);
      if (holder === undefined) return this.#send(descriptor);
      const path = await this.#waitFor(holder, descriptor);
      if (path !== undefined) return this.#inTurn(descriptor, path);
      // Nobody else has lost patience with that copy before.
      if (mounts?.memory.holderOf(mounts.place, digest) === holder) return this.#send(descriptor);
    }
  }

  /** The wait must not occupy a place in the queue that the other copy may need. */
  #waitFor({ arrived }: Holder, { digest, size }: Descriptor): Promise<string | undefined> {
    return step({ operation: 'wait for blob', side: 'target', digest }, () =>
      unlessAborted(this.#signal, within(PATIENCE_MS + size * PATIENCE_MS_PER_BYTE, arrived)),
    );
  }

  #send(descriptor: Descriptor): Promise<void> {
    const { mounts, mountFrom } = this.#copy;
    const arrival = this.#inTurn(descriptor, this.#force ? undefined : mountFrom);
    mounts?.memory.announce(mounts.place, descriptor.digest, arrival);
    return arrival;
  }

  /** Once it is its turn a blob is waited for even after a failure: it has an upload session to give back. */
  #inTurn(descriptor: Descriptor, mountFrom: string | undefined): Promise<void> {
    const turn = this.#queue(descriptor, async () => {
      this.#signal.throwIfAborted();
      const push = this.#push(descriptor, mountFrom);
      this.#running.add(push);
      await push.finally(() => this.#running.delete(push));
    });
    return step({ operation: 'copy blob', side: 'target', digest: descriptor.digest }, () =>
      unlessAborted(this.#signal, turn),
    );
  }

  /** A large one waits for an earlier one of its kind, and takes no place from others meanwhile. */
  #queue({ size }: Descriptor, work: () => Promise<void>): Promise<void> {
    const { limit } = this.#copy;
    if (size < LARGE) return limit(work);
    const earlier = this.#large.at(-LARGE_AT_ONCE);
    const turn = earlier === undefined ? limit(work) : earlier.catch(() => undefined).then(() => limit(work));
    this.#large.push(turn);
    return turn;
  }

  async #push(descriptor: Descriptor, mountFrom: string | undefined): Promise<void> {
    const { source, target, onBytes, onBlob } = this.#copy;
    const begun = performance.now();
    const options = { force: this.#force, ...(mountFrom !== undefined && { mountFrom }) };
    const onPiece = onBytes && ((bytes: number): void => onBytes(descriptor, bytes));
    const sides = { source, target, signal: this.#signal, onBytes: onPiece };
    const pushed = await copyBlob(sides, descriptor, options);
    this.#moved.blobs[pushed] += 1;
    if (pushed === 'pushed') this.#moved.bytes += descriptor.size;
    onBlob?.({ descriptor, pushed, durationMs: performance.now() - begun });
  }
}
