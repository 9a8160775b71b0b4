import type { Digest } from '../image/digest.ts';
import type { Platform } from '../image/platform.ts';
import { choosePlatforms } from './choose-platforms.ts';
import { codeOf, step } from './copy-error.ts';
import { copyGraph, type GraphCopy, type Moved } from './copy-graph.ts';
import { handled } from './promise.ts';
import type { ManifestContent } from './target.ts';

export interface ReferenceCopy extends GraphCopy {
  /** Tag or digest at the source. */
  readonly sourceIdentifier: string;
  /** Tag or digest at the target; without one the source's digest. */
  readonly targetIdentifier?: string;
  /** Of an index copy these platforms alone; empty means all. */
  readonly platforms: readonly Platform[];
}

/** A copy that somebody asked for by name: what is at the target afterwards, and what it took. */
export interface Copied extends Moved {
  readonly content: ManifestContent;
  /** True when the target had it under that name already. */
  readonly present: boolean;
}

/**
 * Copies one artifact under a name, which it takes over from whatever had it. Source and target are asked at once, so
 * that a copy that is there already costs one round trip.
 * @throws CopyError; InvalidManifestError when the index has no such platform
 */
export async function copyReference(copy: ReferenceCopy): Promise<Copied> {
  const before =
    copy.targetIdentifier === undefined ? undefined : handled(digestAt(copy, copy.targetIdentifier));
  const content = await step(
    { operation: 'read manifest', side: 'source', name: copy.sourceIdentifier },
    () => readSource(copy),
  );
  const { descriptor } = content;
  const identifier = copy.targetIdentifier ?? descriptor.digest;
  const present = await (before ?? digestAt(copy, identifier));
  if (present === descriptor.digest) return { content, present: true, bytes: 0, blobs: NO_BLOBS };
  // Something is there under that name, so its parts may be the same as ours.
  const moved = await copyGraph({ ...copy, frugal: present !== undefined }, content, identifier);
  return { content, present: false, ...moved };
}

const NO_BLOBS = { pushed: 0, mounted: 0, present: 0 };

async function readSource({
  source,
  sourceIdentifier,
  platforms,
  signal,
}: ReferenceCopy): Promise<ManifestContent> {
  return choosePlatforms(source, await source.fetchReference(sourceIdentifier, signal), platforms, signal);
}

function digestAt({ target, signal }: ReferenceCopy, identifier: string): Promise<Digest | undefined> {
  return step({ operation: 'look for the copy', side: 'target', name: identifier }, async () => {
    try {
      return (await target.resolve(identifier, signal)).digest;
    } catch (error) {
      if (['NOT_FOUND', 'DENIED'].includes(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  });
}
