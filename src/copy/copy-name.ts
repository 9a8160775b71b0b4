import { algorithmOf, contradicts, type Digest, digestOf, hexOf, isDigest } from '../image/digest.ts';
import { anchorTagOf, digestTagOf, formatReference, repositoryOf } from '../image/reference.ts';
import { CopyError, codeOf, step } from './copy-error.ts';
import type { CopyTask } from './outcome.ts';
import type { ManifestContent, Target } from './target.ts';

/** Under the name of the copy is an image that is not known to be of this source. */
class NameTakenError extends Error {
  override readonly name = 'NameTakenError';
  readonly code = 'NAME_TAKEN';

  constructor() {
    super('it holds an image that is not the one of this source, and not known to have been');
  }
}

/** What is under the name of a copy. */
export interface Named {
  /** Tag that the copy is kept under. */
  readonly identifier: string;
  /** The copy, if it is there. */
  readonly present: Digest | undefined;
  /** What is there and not known to be a copy of this source. */
  readonly taken?: Digest;
}

/**
 * The name of a copy in the backup registry.
 *
 * Where other sources may be given the same name (`CopyTask.shared`), the repository has a tag beside the copy's own that
 * is made of source and tag, `source-<hash>`. The copy is used only while both stand for the same manifest: then it was
 * for this source that the name was last written, whoever did it, and however often this program has started since.
 */
export class CopyName {
  readonly #task: CopyTask;
  readonly #target: Target;
  readonly #signal: AbortSignal;

  constructor(task: CopyTask, target: Target, signal: AbortSignal) {
    this.#task = task;
    this.#target = target;
    this.#signal = signal;
  }

  /** @throws CopyError */
  async find(): Promise<Named> {
    const { source, backup, shared } = this.#task;
    if (source.digest !== undefined) return this.#findDigest(source.digest);
    const identifier = anchorTagOf(backup);
    const claimed = shared ? this.#digestAt(this.#claimOf(identifier)) : undefined;
    const [there, ours] = await Promise.all([this.#digestAt(identifier), claimed]);
    return !shared || there === undefined || there === ours
      ? { identifier, present: there }
      : { identifier, present: undefined, taken: there };
  }

  /**
   * A tag that the backup has given to another digest than the source asks for is left with it: then the copy is kept
   * under a tag made of its own digest. A tag that others may claim is not taken for a digest at all.
   */
  async #findDigest(digest: Digest): Promise<Named> {
    const { backup, shared } = this.#task;
    const own = digestTagOf(digest);
    // A tag stands for a sha256: whether a node can pull another digest, only asking for that tells.
    if (algorithmOf(digest) !== 'sha256') return { identifier: own, present: await this.#digestAt(digest) };
    const identifier = shared ? own : anchorTagOf(backup);
    const present = await this.#digestAt(identifier);
    if (identifier !== own && (present === undefined || present === digest)) return { identifier, present };
    const kept = identifier === own ? present : await this.#digestAt(own);
    const isOther = kept !== undefined && contradicts(kept, digest);
    return { identifier: own, present: isOther ? undefined : kept };
  }

  /**
   * Gives a shared name to a manifest that is in the backup already.
   * @param found what was under the name when it was decided to
   * @throws CopyError with the code NAME_TAKEN when somebody else was faster
   */
  async claim(content: ManifestContent, { identifier, present, taken }: Named): Promise<void> {
    const { digest } = content.descriptor;
    const there = await this.#digestAt(identifier);
    if (there !== digest && there !== (present ?? taken)) throw this.takenError(identifier);
    await step({ operation: 'claim', side: 'target', digest }, async () => {
      if (there !== digest) await this.#target.pushReference(content, identifier, this.#signal);
      // Last: what is not claimed yet is, once the source is seen to be the same. What is claimed wrongly stays so.
      if (this.#task.source.digest === undefined)
        await this.#target.pushReference(content, this.#claimOf(identifier), this.#signal);
    });
  }

  takenError(identifier: string): CopyError {
    const name = `${repositoryOf(this.#task.backup)}:${identifier}`;
    return new CopyError({ operation: 'use', side: 'target', name, cause: new NameTakenError() });
  }

  #claimOf(identifier: string): string {
    const claim = `${formatReference(this.#task.source)} ${identifier}`;
    return `source-${hexOf(digestOf(Buffer.from(claim)))}`;
  }

  #digestAt(identifier: string): Promise<Digest | undefined> {
    const name = `${repositoryOf(this.#task.backup)}${isDigest(identifier) ? '@' : ':'}${identifier}`;
    return step({ operation: 'look for the copy', side: 'target', name }, async () => {
      try {
        return (await this.#target.resolve(identifier, this.#signal)).digest;
      } catch (error) {
        // Some registries say 403 for what is not there; a true denial shows itself at the first write.
        if (['NOT_FOUND', 'DENIED'].includes(codeOf(error) ?? '')) return undefined;
        throw error;
      }
    });
  }
}
