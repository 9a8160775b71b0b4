import type { Digest } from '../image/digest.ts';
import type { Platform } from '../image/platform.ts';
import type { Reference } from '../image/reference.ts';
import { choosePlatforms } from './choose-platforms.ts';
import { step } from './copy-error.ts';
import { copyGraph, type GraphCopy, type Moved } from './copy-graph.ts';
import type { Credential, Held, HeldBehind, HeldContent, TransferProgress } from './origin.ts';
import type { ManifestContent, Target } from './target.ts';

/** Where what is held goes, and how. */
export interface HeldCopy {
  readonly backup: Reference;
  readonly target: Target;
  readonly signal: AbortSignal;
  /** Of an index these alone are kept; empty means all. */
  readonly platforms: readonly Platform[];
  /** How content is copied whose graph has this root. */
  readonly graphCopy: (root: Digest) => Omit<GraphCopy, 'source'>;
  /** Who an origin is to the backup registry that pushes itself. */
  readonly credential: () => Promise<Credential | undefined>;
  /** What such an origin tells of its push. */
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** What the backup registry has now. */
export interface HeldCopied extends Moved {
  readonly digest: Digest;
  /** Of what our engine copied. */
  readonly content?: ManifestContent;
}

/** An origin that pushes itself counts no blobs. */
const UNCOUNTED: Moved['blobs'] = { pushed: 0, mounted: 0, present: 0 };

/**
 * Copies what an origin holds. Content that can be read goes through our engine, unless the origin can push it too; the
 * word of an origin that pushed by itself is not believed before the backup registry says the same.
 * @param tag of the backup
 * @throws CopyError
 */
export async function copyHeld(held: Held, copy: HeldCopy, tag: string): Promise<HeldCopied> {
  if (!('source' in held)) return letPush(held, copy, tag);
  return (await tryLetPush(held, copy, tag)) ?? copyContent(held, copy, tag);
}

/** @returns undefined when the registry has not got just this by it: our engine then says why, or mends it */
async function tryLetPush(held: HeldContent, copy: HeldCopy, tag: string): Promise<HeldCopied | undefined> {
  const { push, digest, partial } = held;
  // It pushes all of an index.
  const isNarrowed = copy.platforms.length > 0 && partial === undefined;
  if (push === undefined || isNarrowed) return undefined;
  try {
    const pushed = await letPush({ push }, copy, tag);
    return pushed.digest === digest ? pushed : undefined;
  } catch (error) {
    if (copy.signal.aborted) throw error;
    return undefined;
  }
}

async function copyContent(
  { source, digest: whole }: HeldContent,
  { platforms, signal, graphCopy }: HeldCopy,
  tag: string,
): Promise<HeldCopied> {
  const content = await step({ operation: 'read manifest', side: 'source', digest: whole }, async () =>
    choosePlatforms(source, await source.fetchReference(whole, signal), platforms, signal),
  );
  const { digest } = content.descriptor;
  return { ...(await copyGraph({ ...graphCopy(digest), source }, content, tag)), digest, content };
}

async function letPush(
  { push }: Pick<HeldBehind, 'push'>,
  { backup, target, signal, credential, onProgress: tell }: HeldCopy,
  tag: string,
): Promise<HeldCopied> {
  const sent = new Map<string, number>();
  function onProgress(progress: TransferProgress): void {
    const { layer, bytes = 0 } = progress;
    sent.set(layer, Math.max(bytes, sent.get(layer) ?? 0));
    tell?.(progress);
  }
  await step({ operation: 'push by itself', side: 'source', name: tag }, async () => {
    const known = await credential();
    await push(backup, tag, { ...(known !== undefined && { credential: known }), onProgress }, signal);
  });
  const confirm = { operation: 'confirm what was pushed', side: 'target', name: tag } as const;
  const { digest } = await step(confirm, () => target.resolve(tag, signal));
  return { digest, bytes: [...sent.values()].reduce((sum, bytes) => sum + bytes, 0), blobs: UNCOUNTED };
}
