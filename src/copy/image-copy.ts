import type { Digest } from '../image/digest.ts';
import type { Platform } from '../image/platform.ts';
import { digestTagOf, formatReference, type Reference } from '../image/reference.ts';
import type { BlobMemory } from './blob-memory.ts';
import type { BoundedMap } from './bounded-map.ts';
import { asError, codeOf, step } from './copy-error.ts';
import { copyGraph, type GraphCopy } from './copy-graph.ts';
import { CopyName, type Named } from './copy-name.ts';
import { copyReferrers } from './copy-referrers.ts';
import type { ObserveCopy } from './event.ts';
import type { WatchCopy } from './layer-progress.ts';
import type { Leases } from './lease.ts';
import type { TransferLimit } from './limit.ts';
import { makeAlone } from './make-alone.ts';
import type { Origins } from './origin.ts';
import { cannotGive, type OriginCopied, OriginCopy } from './origin-copy.ts';
import type { CopyTask, Kept, WhenMoved } from './outcome.ts';
import { handled } from './promise.ts';
import { type Asked, type SourceAccess, SourceQuestion } from './source-question.ts';
import type { ManifestContent, Target } from './target.ts';
import type { Turns } from './turns.ts';

/** What a copy needs from the outside; the same for all of them. */
export interface Surroundings {
  /** Where a source is read. */
  readonly sourceOf: (source: Reference) => SourceAccess;
  /** Where a backup is written. */
  readonly targetOf: (backup: Reference) => Target;
  /** Other places that may hold an image when its source cannot give it. Default: there are none. */
  readonly origins?: Origins | undefined;
  readonly observe: ObserveCopy;
  /** Told of each piece of a layer. Default: nobody wants to know, and nothing is counted. */
  readonly watch?: WatchCopy | undefined;
  /** Longest wait for a source's answer when the copy is there already, in milliseconds. */
  readonly sourceCheckMs: number;
  /** Of an index these platforms alone are kept; none means all. Asked anew for each copy: nodes come and go. */
  readonly platforms: () => readonly Platform[];
  readonly moved: WhenMoved;
  /** Copy signatures, attestations and SBOMs as well, after the image. */
  readonly referrers: boolean;
  /** As in `GraphCopy`. */
  readonly consistencyWaitsMs?: readonly number[];
  readonly limit: TransferLimit;
  readonly turns: Turns;
  /** Default: no other process makes the same copies. */
  readonly leases?: Leases | undefined;
  readonly memory: BlobMemory;
  /** As in `Place`. */
  readonly circles?: readonly string[];
  /** As in `SourceQuestion`. */
  readonly choices: BoundedMap<string, Digest>;
}

/** One image on its way into the backup registry. */
export class ImageCopy {
  readonly #surroundings: Surroundings;
  readonly #task: CopyTask;
  readonly #signal: AbortSignal;
  readonly #platforms: readonly Platform[];
  readonly #question: SourceQuestion;
  #transferred: ManifestContent | undefined;

  constructor(surroundings: Surroundings, task: CopyTask, signal: AbortSignal) {
    this.#surroundings = surroundings;
    this.#task = task;
    this.#signal = signal;
    // A source given by digest is kept whole: the workload asks for just that digest.
    this.#platforms = task.source.digest === undefined ? surroundings.platforms() : [];
    const { choices } = surroundings;
    const [access, reference, platforms] = [this.#access, task.source, this.#platforms];
    this.#question = new SourceQuestion({ access, reference, platforms, choices, signal });
  }

  /**
   * Makes sure that the copy is there and, for a tag, that it is what the source has now. The source is asked beside
   * the backup: one round trip when there is nothing to do.
   * @throws CopyError
   */
  async run(): Promise<Kept> {
    const asked = this.#mayMove ? handled(this.#question.ask()) : undefined;
    const found = await this.findBackup();
    const { present, taken } = found;
    if (taken !== undefined) return this.#adopt(await (asked ?? this.#question.ask()), found);
    if (present === undefined) return this.#alone(() => this.#make(asked, found));
    const current = asked === undefined ? undefined : await this.#inTime(asked);
    if (current === undefined || current.digest === present) return { state: 'present', digest: present };
    return this.#surroundings.moved === 'warn'
      ? this.#leave(current, present)
      : this.#refresh(current, found, present);
  }

  /** What refers to the image, once that was copied: nobody waits for it. @throws CopyError */
  async copyReferrers(): Promise<void> {
    const content = this.#transferred;
    if (content === undefined) return;
    const { onStart: _start, onManifest: _manifest, ...copy } = this.#graphCopy(content.descriptor.digest);
    await this.#inTurn(() => copyReferrers(copy, content));
  }

  /** @throws CopyError */
  findBackup(): Promise<Named> {
    return this.#name.find();
  }

  /** A source that is gone, slow or counts us out costs a bounded wait, and never the copy that we have. */
  async #inTime(asked: Promise<Asked>): Promise<Asked | undefined> {
    try {
      return await this.#question.inTime(asked, this.#surroundings.sourceCheckMs);
    } catch (cause) {
      this.#surroundings.observe({ type: 'source-unavailable', task: this.#task, error: asError(cause) });
      return undefined;
    }
  }

  /** Nobody knows whose it is, but it is the very image that the source has. */
  async #adopt({ digest }: Asked, found: Named): Promise<Kept> {
    if (digest !== found.taken) throw this.#name.takenError(found.identifier);
    await this.#name.claim(await this.#kept(digest), found);
    return { state: 'present', digest };
  }

  #kept(digest: Digest): Promise<ManifestContent> {
    return step({ operation: 'read manifest', side: 'target', digest }, () =>
      this.#target.fetchReference(digest, this.#signal),
    );
  }

  /** The tag has moved at the source, and only people may let the copy follow. */
  #leave({ digest: moved }: Asked, present: Digest): Kept {
    this.#surroundings.observe({ type: 'moved', task: this.#task, digest: moved });
    return { state: 'present', digest: present, moved };
  }

  /** The tag has moved at the source: the new image takes it over; until that is done the earlier one serves. */
  async #refresh(current: Asked, found: Named, present: Digest): Promise<Kept> {
    try {
      await this.#keepUnderOwnTag(present);
      return await this.#alone(() => this.#transfer(current, found), current.digest);
    } catch (cause) {
      // What is under the name by now is somebody else's.
      if (codeOf(cause) === 'NAME_TAKEN') throw cause;
      this.#surroundings.observe({ type: 'refresh-failed', task: this.#task, error: asError(cause) });
      return { state: 'present', digest: present };
    }
  }

  /** Untagged manifests are garbage to a registry, and running workloads may use this one. */
  #keepUnderOwnTag(digest: Digest): Promise<void> {
    return step({ operation: 'keep the earlier copy', side: 'target', digest }, async () => {
      const content = await this.#target.fetchReference(digest, this.#signal);
      await this.#target.pushReference(content, digestTagOf(digest), this.#signal);
    });
  }

  /** @param wanted digest that the copy has once another process has made it; default: any */
  #alone(make: () => Promise<Kept>, wanted?: Digest): Promise<Kept> {
    const { leases, observe } = this.#surroundings;
    const name = formatReference(this.#task.backup);
    const onWait = () => observe({ type: 'made-elsewhere', task: this.#task });
    return makeAlone({ leases, name, onWait, make, look: () => this.#look(wanted) }, this.#signal);
  }

  async #look(wanted: Digest | undefined): Promise<Kept | undefined> {
    const { present: digest } = await this.findBackup();
    return digest === undefined || digest !== (wanted ?? digest) ? undefined : { state: 'present', digest };
  }

  /** There is no copy yet. Where the source cannot give the image, a node that holds it may. */
  async #make(asked: Promise<Asked> | undefined, found: Named): Promise<Kept> {
    const origins = this.#originCopy();
    const pulled = await origins?.pullFirst(found.identifier);
    if (pulled !== undefined) return this.#keep(pulled, found);
    try {
      return await this.#transfer(await (asked ?? this.#question.ask()), found);
    } catch (error) {
      const held = cannotGive(error) ? await origins?.run(found.identifier, error) : undefined;
      if (held === undefined) throw error;
      return this.#keep(held, found);
    }
  }

  async #keep({ outcome, content }: OriginCopied, found: Named): Promise<Kept> {
    this.#transferred = content;
    // The tag of a digest is claimed by nobody, and must not get what was made anew.
    const isClaimed = this.#task.shared && this.#task.source.digest === undefined;
    if (isClaimed) await this.#name.claim(content ?? (await this.#kept(outcome.digest)), found);
    return outcome;
  }

  #transfer(asked: Asked, found: Named): Promise<Kept> {
    return this.#inTurn(() => this.#transferNow(asked, found));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const name = this.#task.source.host;
    const end = await step({ operation: 'wait for a turn at', side: 'source', name }, () =>
      this.#surroundings.turns.next(name, this.#signal),
    );
    return work().finally(end);
  }

  async #transferNow(asked: Asked, found: Named): Promise<Kept> {
    const begun = performance.now();
    const content = await step(
      { operation: 'read manifest', side: 'source', digest: asked.digest },
      asked.content,
    );
    const { digest } = content.descriptor;
    const { shared } = this.#task;
    // A shared name is given last, and only if nobody else took it meanwhile.
    const identifier = shared ? digest : found.identifier;
    const { bytes, blobs } = await copyGraph(this.#graphCopy(digest), content, identifier);
    if (shared) await this.#name.claim(content, found);
    this.#transferred = content;
    const durationMs = performance.now() - begun;
    this.#surroundings.observe({ type: 'finished', task: this.#task, digest, bytes, blobs, durationMs });
    return { state: 'copied', digest, bytes };
  }

  #originCopy(): OriginCopy | undefined {
    const { origins, observe, watch } = this.#surroundings;
    const { backup, tenant } = this.#task;
    // A node was given what it holds with the secrets of some pod, and nobody can tell whose.
    if (origins === undefined || tenant?.backup !== undefined) return undefined;
    return new OriginCopy({
      origins,
      observe,
      watch,
      task: this.#task,
      backup,
      target: this.#target,
      signal: this.#signal,
      platforms: this.#platforms,
      graphCopy: (root) => this.#toTarget(root),
      credential: () => origins.credentialFor('target', backup),
    });
  }

  #graphCopy(root: Digest): GraphCopy {
    const { source, countsPulls: frugal } = this.#access;
    return { ...this.#toTarget(root), source, frugal };
  }

  #toTarget(root: Digest): Omit<GraphCopy, 'source'> {
    const { observe, watch, limit, memory, circles, consistencyWaitsMs } = this.#surroundings;
    const task = this.#task;
    return {
      target: this.#target,
      limit,
      signal: this.#signal,
      mounts: { memory, place: { ...task.backup, ...(circles !== undefined && { circles }) } },
      ...(consistencyWaitsMs !== undefined && { consistencyWaitsMs }),
      onStart: (plan) => observe({ type: 'started', task, digest: root, ...plan }),
      ...(watch !== undefined && {
        onBytes: ({ digest: layer, size: totalBytes }, bytes) => watch({ task, layer, bytes, totalBytes }),
      }),
      onBlob: ({ descriptor, pushed, durationMs }) =>
        observe({
          type: 'blob-done',
          task,
          digest: descriptor.digest,
          bytes: descriptor.size,
          pushed,
          durationMs,
        }),
      onManifest: (manifest) => observe({ type: 'manifest-pushed', task, ...manifest }),
    };
  }

  /** A digest stays what it is. */
  get #mayMove(): boolean {
    return this.#task.source.digest === undefined && this.#surroundings.moved !== 'keep';
  }

  get #name(): CopyName {
    return new CopyName(this.#task, this.#target, this.#signal);
  }

  get #access(): SourceAccess {
    return this.#surroundings.sourceOf(this.#task.source);
  }

  get #target(): Target {
    return this.#surroundings.targetOf(this.#task.backup);
  }
}
