import type { Environment } from '../config/process-environment.ts';
import { type Copied, copyReference, type ReferenceCopy } from '../copy/copy-reference.ts';
import { copyReferrers } from '../copy/copy-referrers.ts';
import { transferLimit } from '../copy/limit.ts';
import type { Platform } from '../image/platform.ts';
import type { ObserveRegistry, RegistryEvent } from '../registry/event.ts';
import { type OpenedSource, type OpenedTarget, openSource, openTarget } from './copy-place.ts';
import type { Progress } from './copy-progress.ts';
import { formatBytes } from './format.ts';

export interface CopyOptions {
  /** None means all. */
  readonly platforms: readonly Platform[];
  readonly referrers: boolean;
  readonly sourcePlainHttp: boolean;
  readonly targetPlainHttp: boolean;
  /** Certificates of registries, in Docker's layout. */
  readonly certsDir: string;
  /** Blobs under way at once. */
  readonly concurrency: number;
  readonly environment: Environment;
  readonly progress: Progress;
  /** What registries tell beside their answers. */
  readonly observe: ObserveRegistry;
  readonly signal: AbortSignal;
}

/** What became of a copy, as `--json` prints it. Bytes and blobs are those of referrers as well. */
export interface CopyResult {
  /** Normalised. */
  readonly source: string;
  readonly target: string;
  /** Of what the target has now under its name. */
  readonly digest: string;
  readonly mediaType: string;
  /** True when the target had it already. */
  readonly present: boolean;
  /** Sent to the target. */
  readonly bytes: number;
  readonly blobs: { readonly copied: number; readonly mounted: number; readonly present: number };
  /** Signatures, attestations and SBOMs that came along. */
  readonly referrers: number;
  /** HTTP requests, those for tokens and redirects among them. */
  readonly requests: { readonly source: number; readonly target: number };
  readonly durationMs: number;
}

interface Names {
  readonly source: string;
  readonly target: string;
}

/**
 * Copies one artifact between registries and layouts. When `signal` aborts, what was begun is taken back before this
 * rejects.
 * @throws InvalidPlaceError, InvalidReferenceError, LayoutError, CopyError, InvalidManifestError
 */
export async function copy(names: Names, options: CopyOptions): Promise<CopyResult> {
  const { environment, certsDir, observe } = options;
  const source = await openSource(names.source, {
    plainHttp: options.sourcePlainHttp,
    environment,
    certsDir,
    observe,
  });
  try {
    const target = await openTarget(names.target, {
      plainHttp: options.targetPlainHttp,
      environment,
      certsDir,
      observe,
    });
    try {
      return await between(source, target, options);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function between(
  source: OpenedSource,
  target: OpenedTarget,
  options: CopyOptions,
): Promise<CopyResult> {
  const begun = performance.now();
  const tally = { bytes: 0, pushed: 0, mounted: 0, present: 0 };
  const copying = referenceCopy(source, target, options, (pushed, size) => {
    tally[pushed] += 1;
    if (pushed === 'pushed') tally.bytes += size;
  });
  const copied = await copyReference(copying);
  const referrers = options.referrers ? await copyReferrers(copying, copied.content) : 0;
  const { bytes, pushed, mounted, present } = tally;
  return {
    ...identityOf(source, target, copied),
    bytes,
    blobs: { copied: pushed, mounted, present },
    referrers,
    requests: { source: source.requests(), target: target.requests() },
    durationMs: Math.round(performance.now() - begun),
  };
}

function identityOf(
  { name: source }: OpenedSource,
  { name: target }: OpenedTarget,
  { content, present }: Copied,
): Pick<CopyResult, 'source' | 'target' | 'digest' | 'mediaType' | 'present'> {
  const { digest, mediaType } = content.descriptor;
  return { source, target, digest, mediaType, present };
}

function referenceCopy(
  source: OpenedSource,
  target: OpenedTarget,
  { progress, platforms, concurrency, signal }: CopyOptions,
  count: (pushed: keyof Copied['blobs'], size: number) => void,
): ReferenceCopy {
  return {
    source: source.side,
    target: target.side,
    sourceIdentifier: source.identifier,
    ...(target.identifier !== undefined && { targetIdentifier: target.identifier }),
    platforms,
    limit: transferLimit(concurrency),
    signal,
    ...mountOf(source, target),
    onStart: progress.onStart,
    ...(progress.onBytes !== undefined && { onBytes: progress.onBytes }),
    onBlob: (blob) => {
      count(blob.pushed, blob.descriptor.size);
      progress.onBlob(blob);
    },
  };
}

/** Inside one registry nothing is sent: its blobs are mounted from the source. */
function mountOf(
  { place: source }: OpenedSource,
  { place: target }: OpenedTarget,
): { readonly mountFrom?: string } {
  if (source === undefined || source.host !== target?.host || source.path === target.path) return {};
  return { mountFrom: source.path };
}

/** What a registry told, as a sentence; undefined where it is for programs. */
export function warningIn(event: RegistryEvent): string | undefined {
  if (event.type === 'pulls-left') return undefined;
  if (event.type === 'warning') return `${event.host} warns: ${JSON.stringify(event.text)}`;
  const { host, path, tag, digest } = event;
  return `${host}/${path}:${tag} holds something else and stays: ${digest} is there, and is listed nowhere`;
}

/** The result in words. */
export function sentenceOf(result: CopyResult): string {
  const { target, digest, present, bytes, blobs, referrers, durationMs } = result;
  const seconds = (durationMs / 1000).toFixed(1);
  const also = referrers === 0 ? '' : `, ${referrers} referrers`;
  if (present) return `${target} is there already, ${digest}${also}\n`;
  const sent = `${blobs.copied} blobs sent (${formatBytes(bytes)})`;
  return `${target} ${digest}: ${sent}, ${blobs.mounted} mounted, ${blobs.present} there before${also}, in ${seconds} s\n`;
}
