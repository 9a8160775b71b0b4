import { contradicts, type Digest, hexOf } from '../image/digest.ts';
import { type Candidate, candidatesAmong } from './candidates.ts';
import { asError, CopyError, codeOf, step } from './copy-error.ts';
import { eachStatusOnce } from './each-status-once.ts';
import type { ObserveCopy } from './event.ts';
import { copyHeld, type HeldCopied, type HeldCopy } from './held-copy.ts';
import type { WatchCopy } from './layer-progress.ts';
import type { Held, Origin, Origins, TransferProgress } from './origin.ts';
import type { CopyTask, Kept } from './outcome.ts';
import type { ManifestContent } from './target.ts';

export interface OriginCopyParts extends HeldCopy {
  readonly task: CopyTask;
  readonly origins: Origins;
  readonly observe: ObserveCopy;
  /** What an origin tells of each piece. Default: nobody draws it. */
  readonly watch?: WatchCopy | undefined;
}

/** A copy that an origin gave, with its manifest where our engine made it. */
export interface OriginCopied {
  readonly outcome: Kept;
  readonly content?: ManifestContent;
}

type Holder = Pick<Candidate, 'origin' | 'held'>;

const LONGEST_TAG = 128;

/**
 * What a source may fail with that an origin can make good. A refusal of ours is none of these (`FORBIDDEN_HOP`,
 * `TOO_LARGE`).
 */
const CANNOT_GIVE: ReadonlySet<string> = new Set([
  'NOT_FOUND',
  'UNAUTHORIZED',
  'DENIED',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'UNREACHABLE',
  'UNTRUSTED',
  'TIMEOUT',
  'REFUSED',
  'PROTOCOL',
  'CONTENT_MISMATCH',
  // No pull secret opens it, or the one that might cannot be read.
  'NO_CREDENTIALS',
  'FORBIDDEN',
  // What answers now under the name of a registry that was given up.
  'INVALID_MANIFEST',
]);

/** Whether another place than the source may be asked after this. */
export function cannotGive(error: unknown): error is CopyError {
  return error instanceof CopyError && error.side === 'source' && CANNOT_GIVE.has(error.code);
}

/** One image on its way from what a node holds into the backup registry. */
export class OriginCopy {
  readonly #parts: OriginCopyParts;

  constructor(parts: OriginCopyParts) {
    this.#parts = parts;
  }

  /**
   * Lets the first origin, if the settings name one, fetch the image from its source, and copies what it then holds.
   * @returns undefined when it could not; the reason was observed
   * @throws CopyError of the target
   */
  async pullFirst(tag: string): Promise<OriginCopied | undefined> {
    const { origins, task, observe, signal } = this.#parts;
    const origin = origins.first;
    if (origin?.pull === undefined) return undefined;
    const begun = performance.now();
    try {
      const credential = await origins.credentialFor('source', task.source);
      const onProgress = this.#tellsProgressOf(origin);
      await origin.pull(task.source, { ...(credential !== undefined && { credential }), onProgress }, signal);
    } catch (cause) {
      this.#failed(origin, cause);
      return undefined;
    }
    observe({ type: 'origin-pulled', task, origin: origin.name, durationMs: performance.now() - begun });
    return this.#copyFrom([origin], tag, undefined);
  }

  /**
   * Asks the origins in turn. The first that holds all of the image as its source has it is taken at once; where there
   * is none, the one that comes nearest.
   * @param why what the source failed with
   * @returns undefined when none of them can give it
   * @throws CopyError of the target
   */
  run(tag: string, why: Error): Promise<OriginCopied | undefined> {
    return this.#copyFrom(this.#parts.origins.all, tag, why);
  }

  async #copyFrom(
    origins: readonly Origin[],
    tag: string,
    why: Error | undefined,
  ): Promise<OriginCopied | undefined> {
    const { task, signal } = this.#parts;
    const onFailure = (origin: Origin, cause: unknown): void => this.#failed(origin, cause);
    for await (const candidate of candidatesAmong(origins, task.source, { signal, onFailure })) {
      const copied = await this.#try(candidate, tag, why);
      if (copied !== undefined) return copied;
    }
    return undefined;
  }

  /** What the origin fails at, the next may do better; what the backup registry fails at, no other can. */
  async #try(candidate: Candidate, tag: string, why: Error | undefined): Promise<OriginCopied | undefined> {
    const { origin, held } = candidate;
    const { task, observe } = this.#parts;
    observe({ type: 'origin-used', task, origin: origin.name, ...(why !== undefined && { why }) });
    try {
      return await this.#copy(candidate, tag);
    } catch (cause) {
      if (cause instanceof CopyError && cause.side === 'target') throw cause;
      this.#failed(origin, cause);
      return undefined;
    } finally {
      await held.close?.();
    }
  }

  async #copy({ origin, held, rank }: Candidate, tag: string): Promise<OriginCopied> {
    const { source } = this.#parts.task;
    if (rank === 'anew' && source.digest !== undefined)
      return this.#copyAnew({ origin, held }, source.digest, tag);
    const { content, ...copied } = await this.#transfer({ origin, held }, tag);
    if (rank === 'part') this.#tellPart(origin, held, copied.digest);
    if (rank === 'anew') this.#tellAnew(origin, copied.digest);
    const outcome = { state: 'copied', digest: copied.digest, bytes: copied.bytes } as const;
    return { outcome, ...(content !== undefined && { content }) };
  }

  /**
   * A source with a digest is that content and no other. What a daemon makes anew is kept beside it, under a tag that
   * says so, and stands in for it only where it came out the same.
   */
  async #copyAnew(holder: Holder, wanted: Digest, tag: string): Promise<OriginCopied> {
    const aside = anewTagOf(wanted);
    const known = await this.#resolve(aside);
    const { digest, bytes } =
      known === undefined ? await this.#transfer(holder, aside) : { digest: known, bytes: 0 };
    if (contradicts(digest, wanted)) {
      this.#tellAnew(holder.origin, digest);
      return { outcome: { state: 'copied', digest, bytes } };
    }
    const { target, signal } = this.#parts;
    await step({ operation: 'tag the copy', side: 'target', digest }, async () =>
      target.pushReference(await target.fetchReference(digest, signal), tag, signal),
    );
    return { outcome: { state: 'copied', digest: wanted, bytes } };
  }

  #resolve(tag: string): Promise<Digest | undefined> {
    const { target, signal } = this.#parts;
    return step({ operation: 'look for the copy', side: 'target', name: tag }, async () => {
      try {
        return (await target.resolve(tag, signal)).digest;
      } catch (error) {
        if (['NOT_FOUND', 'DENIED'].includes(codeOf(error) ?? '')) return undefined;
        throw error;
      }
    });
  }

  async #transfer({ origin, held }: Holder, tag: string): Promise<HeldCopied> {
    const { task, observe } = this.#parts;
    const begun = performance.now();
    const onProgress = this.#tellsProgressOf(origin);
    const copied = await copyHeld(held, { ...this.#parts, onProgress }, tag);
    const { digest, bytes, blobs } = copied;
    observe({ type: 'finished', task, digest, bytes, blobs, durationMs: performance.now() - begun });
    return copied;
  }

  #tellsProgressOf({ name: origin }: Origin): (progress: TransferProgress) => void {
    const { task, observe, watch } = this.#parts;
    const tell = eachStatusOnce(({ layer, status, totalBytes: bytes }) =>
      observe({
        type: 'origin-progress',
        task,
        origin,
        layer,
        status,
        ...(bytes !== undefined && { bytes }),
      }),
    );
    return (progress) => {
      tell(progress);
      const { layer, bytes, totalBytes } = progress;
      if (bytes !== undefined && totalBytes !== undefined)
        watch?.({ task, origin, layer, bytes, totalBytes });
    };
  }

  #tellPart({ name }: Origin, { partial }: Held, digest: Digest): void {
    const { task, observe } = this.#parts;
    if (partial !== undefined) observe({ type: 'partial', task, origin: name, digest, ...partial });
  }

  #tellAnew({ name }: Origin, digest: Digest): void {
    const { task, observe } = this.#parts;
    observe({ type: 'unfaithful', task, origin: name, digest });
  }

  #failed({ name }: Origin, cause: unknown): void {
    const { task, observe } = this.#parts;
    observe({ type: 'origin-failed', task, origin: name, error: asError(cause) });
  }
}

/** The tag of what was made anew from content with this digest. */
function anewTagOf(digest: Digest): string {
  return `anew-${hexOf(digest)}`.slice(0, LONGEST_TAG);
}
