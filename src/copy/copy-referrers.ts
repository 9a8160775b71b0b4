import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, type Digest, hexOf } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { isManifest } from '../image/media-type.ts';
import { codeOf, step } from './copy-error.ts';
import { copyGraph, type GraphCopy } from './copy-graph.ts';
import type { ManifestContent } from './target.ts';

/** Tags under which cosign before version 3 keeps signatures, attestations and SBOMs: `sha256-<hex>.sig`. */
const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'] as const;
/** Referrers of referrers (a signature of an SBOM) are followed as far as this. */
const DEEPEST = 3;

/**
 * Copies what refers to an image that is at the target already: OCI referrers, of it and of its children, and cosign's
 * tags. Missing ones are no fault; those there are come over whole.
 * @returns how many were copied
 * @throws CopyError
 */
export async function copyReferrers(copy: GraphCopy, root: ManifestContent): Promise<number> {
  const { manifests } = parseManifest(root.bytes, root.descriptor.mediaType);
  const subjects = [root.descriptor, ...manifests.filter(({ mediaType }) => isManifest(mediaType))];
  const counts = await Promise.all(subjects.map((subject) => copyAllOf(copy, subject)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function copyAllOf(copy: GraphCopy, subject: Descriptor): Promise<number> {
  const [referrers, tags] = await Promise.all([
    copyPredecessors(copy, subject, 1),
    Promise.all(cosignTags(subject.digest).map((tag) => copyTag(copy, tag))),
  ]);
  return referrers + tags.filter(Boolean).length;
}

/** Lists may be wrong: GitLab gives an image for its own list. What is listed counts if it says the same. */
async function copyPredecessors(copy: GraphCopy, subject: Descriptor, depth: number): Promise<number> {
  const { digest } = subject;
  const found = await step({ operation: 'list referrers of', side: 'source', digest }, () =>
    copy.source.predecessors(subject, copy.signal),
  );
  const listed = new Map(found.map((referrer) => [referrer.digest, referrer]));
  const counts = await Promise.all(
    [...listed.values()].map(async (referrer) => {
      const content = await read(copy, referrer.digest);
      if (subjectOf(content) !== digest) return 0;
      await copyGraph(copy, content, referrer.digest);
      return 1 + (depth < DEEPEST ? await copyPredecessors(copy, referrer, depth + 1) : 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function copyTag(copy: GraphCopy, tag: string): Promise<boolean> {
  try {
    await copyGraph(copy, await read(copy, tag), tag);
    return true;
  } catch (error) {
    if (codeOf(error) === 'NOT_FOUND') return false;
    throw error;
  }
}

function read({ source, signal }: GraphCopy, name: string): Promise<ManifestContent> {
  return step({ operation: 'read manifest', side: 'source', name }, () =>
    source.fetchReference(name, signal),
  );
}

function subjectOf({ descriptor, bytes }: ManifestContent): Digest | undefined {
  return parseManifest(bytes, descriptor.mediaType).subject?.digest;
}

/** Of a longer digest there can be none: a tag has at most 128 characters. */
function cosignTags(digest: Digest): readonly string[] {
  if (algorithmOf(digest) !== 'sha256') return [];
  return COSIGN_SUFFIXES.map((suffix) => `sha256-${hexOf(digest)}.${suffix}`);
}
