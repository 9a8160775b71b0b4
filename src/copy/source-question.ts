import type { Digest } from '../image/digest.ts';
import { formatPlatform, type Platform } from '../image/platform.ts';
import { formatReference, identifierOf, type Reference } from '../image/reference.ts';
import type { BoundedMap } from './bounded-map.ts';
import { choosePlatforms } from './choose-platforms.ts';
import { step } from './copy-error.ts';
import { unlessAborted } from './promise.ts';
import type { ManifestContent, Source } from './target.ts';

export interface SourceAccess {
  readonly source: Source;
  /** The registry counts what is read from it (Docker Hub): it is asked by HEAD before anything is fetched. */
  readonly countsPulls: boolean;
  /** Rejects once the registry wants a pause (429), before which it answers nothing. Default: it never does. */
  readonly heldBack?: (signal: AbortSignal) => Promise<never>;
}

/** What the source said: the digest, and the manifest if it came along. */
export interface Asked {
  readonly digest: Digest;
  readonly content: () => Promise<ManifestContent>;
}

interface QuestionOptions {
  readonly access: SourceAccess;
  readonly reference: Reference;
  /** Of an index these platforms alone are kept; empty means all. */
  readonly platforms: readonly Platform[];
  /** Platforms and digest of a source's index → digest of what was chosen of it. */
  readonly choices: BoundedMap<string, Digest>;
  readonly signal: AbortSignal;
}

/** What a source has now under the name of one image, as far as it is kept. */
export class SourceQuestion {
  readonly #options: QuestionOptions;
  /** Ends the question once its answer does not count any more. */
  readonly #enough = new AbortController();
  readonly #asking: AbortSignal;

  constructor(options: QuestionOptions) {
    this.#options = options;
    this.#asking = AbortSignal.any([options.signal, this.#enough.signal]);
  }

  /** Counted pulls are spared by a HEAD; elsewhere the manifest itself is as cheap and saves a request later. */
  ask(): Promise<Asked> {
    const { access, reference } = this.#options;
    const name = formatReference(reference);
    return step({ operation: 'read manifest', side: 'source', name }, async () => {
      const known = access.countsPulls ? await this.#askByHead() : undefined;
      if (known !== undefined) return known;
      const content = await this.#read(identifierOf(reference), this.#asking);
      return { digest: content.descriptor.digest, content: () => Promise.resolve(content) };
    });
  }

  /**
   * The answer, where there is something to use in its place: a source that wants a pause is not waited for at all, and
   * no other one for longer than that. It is not asked any more then.
   * @throws what kept it from answering
   */
  async inTime(asked: Promise<Asked>, milliseconds: number): Promise<Asked> {
    const { heldBack } = this.#options.access;
    try {
      const answers = heldBack === undefined ? [asked] : [asked, heldBack(this.#enough.signal)];
      return await unlessAborted(AbortSignal.timeout(milliseconds), Promise.race(answers));
    } finally {
      this.#enough.abort();
    }
  }

  /** @returns undefined when only the manifest itself can say what its copy is */
  async #askByHead(): Promise<Asked | undefined> {
    const { access, reference, platforms, choices, signal } = this.#options;
    if (reference.digest !== undefined) return undefined;
    const { digest } = await access.source.resolve(identifierOf(reference), this.#asking);
    const chosen = platforms.length === 0 ? digest : choices.get(choiceKey(platforms, digest));
    return chosen === undefined ? undefined : { digest: chosen, content: () => this.#read(digest, signal) };
  }

  /** The source's manifest, cut down to the platforms that are kept. */
  async #read(identifier: string, signal: AbortSignal): Promise<ManifestContent> {
    const { access, platforms, choices } = this.#options;
    const whole = await access.source.fetchReference(identifier, signal);
    const content = await choosePlatforms(access.source, whole, platforms, signal);
    choices.set(choiceKey(platforms, whole.descriptor.digest), content.descriptor.digest);
    return content;
  }
}

/** The platforms may be others by the next time. */
function choiceKey(platforms: readonly Platform[], index: Digest): string {
  return [...platforms.map(formatPlatform), index].join(' ');
}
