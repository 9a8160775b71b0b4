import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, type Digest, hexOf } from '../image/digest.ts';
import { InvalidManifestError, parseManifest } from '../image/manifest.ts';
import { isManifest } from '../image/media-type.ts';
import { codeOf, step } from './copy-error.ts';
import { copyGraph, type GraphCopy } from './copy-graph.ts';
import { transferLimit } from './limit.ts';
import type { ManifestContent } from './target.ts';

/** Tags under which cosign before version 3 keeps signatures, attestations and SBOMs: `sha256-<hex>.sig`. */
const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'] as const;
/** Referrers of referrers (a signature of an SBOM) are followed as far as this. */
const DEEPEST = 3;

/** Of one image, of its children and of each other: a handful in life, bounded for those who mean harm. */
const MOST_REFERRERS = 1_000;
/** Their manifests are in memory meanwhile, of up to 4 MiB each. */
const AT_ONCE = 4;

/**
 * Copies what refers to an image that is at the target already: OCI referrers, of it and of its children, and cosign's
 * tags. Missing ones are no fault; those there are come over whole.
 * @returns how many were copied
 * @throws CopyError; InvalidManifestError when they are numerous beyond reason
 */
export function copyReferrers(copy: GraphCopy, root: ManifestContent): Promise<number> {
  return new Following(copy).from(root);
}

class Following {
  readonly #copy: GraphCopy;
  readonly #limit = transferLimit(AT_ONCE);
  #listed = 0;

  constructor(copy: GraphCopy) {
    this.#copy = copy;
  }

  async from({ descriptor, bytes }: ManifestContent): Promise<number> {
    const { manifests } = parseManifest(bytes, descriptor.mediaType);
    const children = manifests.filter(({ mediaType }) => isManifest(mediaType));
    return sum(distinct([descriptor, ...children]).map((subject) => this.#allOf(subject)));
  }

  #allOf(subject: Descriptor): Promise<number> {
    const tags = cosignTags(subject.digest).map((tag) => this.#limit(() => this.#tag(tag)));
    return sum([this.#predecessors(subject, 1), ...tags]);
  }

  /** Lists may be wrong: GitLab gives an image for its own list. What is listed counts if it says the same. */
  async #predecessors(subject: Descriptor, depth: number): Promise<number> {
    const { source, signal } = this.#copy;
    const { digest } = subject;
    const found = await step({ operation: 'list referrers of', side: 'source', digest }, () =>
      source.predecessors(subject, signal),
    );
    const listed = distinct(found);
    this.#refuseTooMany(listed.length);
    return sum(listed.map((referrer) => this.#follow(referrer, digest, depth)));
  }

  async #follow(referrer: Descriptor, subject: Digest, depth: number): Promise<number> {
    const copied = await this.#limit(async () => {
      const content = await this.#read(referrer.digest);
      if (subjectOf(content) !== subject) return false;
      await copyGraph(this.#copy, content, referrer.digest);
      return true;
    });
    if (!copied) return 0;
    return 1 + (depth < DEEPEST ? await this.#predecessors(referrer, depth + 1) : 0);
  }

  async #tag(tag: string): Promise<number> {
    try {
      await copyGraph(this.#copy, await this.#read(tag), tag);
      return 1;
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND') return 0;
      throw error;
    }
  }

  #read(name: string): Promise<ManifestContent> {
    const { source, signal } = this.#copy;
    return step({ operation: 'read manifest', side: 'source', name }, () =>
      source.fetchReference(name, signal),
    );
  }

  /** Before any of them is asked for. */
  #refuseTooMany(more: number): void {
    this.#listed += more;
    if (this.#listed > MOST_REFERRERS)
      throw new InvalidManifestError(`wanted at most ${MOST_REFERRERS} referrers of one image`);
  }
}

async function sum(counts: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(counts)).reduce((total, count) => total + count, 0);
}

function distinct(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function subjectOf({ descriptor, bytes }: ManifestContent): Digest | undefined {
  return parseManifest(bytes, descriptor.mediaType).subject?.digest;
}

/** Of a longer digest there can be none: a tag has at most 128 characters. */
function cosignTags(digest: Digest): readonly string[] {
  if (algorithmOf(digest) !== 'sha256') return [];
  return COSIGN_SUFFIXES.map((suffix) => `sha256-${hexOf(digest)}.${suffix}`);
}
