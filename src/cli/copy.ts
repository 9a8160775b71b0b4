import type { Environment } from '../config/environment.ts';
import { asError } from '../copy/copy-error.ts';
import { type Copied, copyReference, type ReferenceCopy } from '../copy/copy-reference.ts';
import { copyReferrers } from '../copy/copy-referrers.ts';
import { transferLimit } from '../copy/limit.ts';
import type { Source, Target } from '../copy/target.ts';
import { parsePlatform } from '../image/platform.ts';
import { type Opened, openSource, openTarget, type PlaceOptions } from './copy-place.ts';
import { type Progress, progressOn, type Screen, silent } from './copy-progress.ts';
import { formatBytes } from './format.ts';

export interface CopyOptions {
  /** `os/architecture[/variant]`; none means all. */
  readonly platforms: readonly string[];
  readonly referrers: boolean;
  readonly json: boolean;
  readonly sourcePlainHttp: boolean;
  readonly targetPlainHttp: boolean;
  readonly concurrency: number;
  readonly environment: Environment;
}

/** Where a copy reads and writes beside its two sides. */
export interface CopyStreams {
  /** The result. */
  readonly out: { write(text: string): void };
  /** Progress and errors. */
  readonly screen: Screen;
}

/** Exit codes, as `image-cloner copy --help` lists them. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What `--json` prints: one object on one line. `bytes` were sent to the target; requests are HTTP requests. */
interface CopyResult {
  readonly source: string;
  readonly target: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly present: boolean;
  readonly bytes: number;
  readonly blobs: { readonly pushed: number; readonly mounted: number; readonly present: number };
  readonly referrers: number;
  readonly requests: { readonly source: number; readonly target: number };
  readonly durationMs: number;
}

/**
 * Copies one artifact between registries and layouts. What was begun is taken back when `signal` aborts.
 * @returns the exit code
 */
export async function copy(
  { source, target }: { readonly source: string; readonly target: string },
  options: CopyOptions,
  { out, screen }: CopyStreams,
  signal: AbortSignal,
): Promise<number> {
  const progress = options.json ? silent : progressOn(screen);
  try {
    const result = await run({ source, target }, options, progress, signal);
    progress.end();
    out.write(options.json ? `${JSON.stringify(result)}\n` : sentence(result));
    return EXIT.done;
  } catch (error) {
    progress.end();
    screen.write(`image-cloner copy: ${signal.aborted ? 'interrupted' : asError(error).message}\n`);
    return signal.aborted ? EXIT.interrupted : EXIT.failed;
  }
}

async function run(
  names: { readonly source: string; readonly target: string },
  options: CopyOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<CopyResult> {
  const begun = performance.now();
  const source = await openSource(names.source, sideOptions(options, options.sourcePlainHttp));
  const target = await openTarget(names.target, sideOptions(options, options.targetPlainHttp));
  try {
    const copying = referenceCopy(source, target, { options, progress, signal });
    const copied = await copyReference(copying);
    const referrers = options.referrers ? await copyAllReferrers(copying, copied) : 0;
    return {
      ...resultOf(source, target, copied),
      referrers,
      durationMs: Math.round(performance.now() - begun),
    };
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

function sideOptions({ environment }: CopyOptions, plainHttp: boolean): PlaceOptions {
  return { plainHttp, environment };
}

function referenceCopy(
  source: Opened<Source>,
  target: Opened<Target>,
  { options, progress, signal }: { options: CopyOptions; progress: Progress; signal: AbortSignal },
): ReferenceCopy {
  if (source.identifier === undefined)
    throw new Error(
      `Cannot copy ${JSON.stringify(source.name)}: wanted a tag or digest, the layout has none or several`,
    );
  const { onStart, onBlob, onManifest } = progress;
  return {
    source: progress.watch(source.side),
    target: target.side,
    sourceIdentifier: source.identifier,
    limit: transferLimit(options.concurrency),
    signal,
    ...(target.identifier !== undefined && { targetIdentifier: target.identifier }),
    platforms: options.platforms.map(parsePlatform),
    ...mountOf(source, target),
    ...(onStart !== undefined && { onStart }),
    ...(onBlob !== undefined && { onBlob }),
    ...(onManifest !== undefined && { onManifest }),
  };
}

/** Inside one registry nothing is sent: its blobs are mounted from the source. */
function mountOf(
  { place: source }: Opened<Source>,
  { place: target }: Opened<Target>,
): { readonly mountFrom?: string } {
  if (source === undefined || source.host !== target?.host || source.path === target.path) return {};
  return { mountFrom: source.path };
}

function copyAllReferrers(copying: ReferenceCopy, { content }: Copied): Promise<number> {
  const { onStart: _, ...quiet } = copying;
  return copyReferrers(quiet, content);
}

function resultOf(
  source: Opened<Source>,
  target: Opened<Target>,
  copied: Copied,
): Omit<CopyResult, 'referrers' | 'durationMs'> {
  const { digest, mediaType } = copied.content.descriptor;
  const { present, bytes, blobs } = copied;
  const requests = { source: source.requests(), target: target.requests() };
  return { source: source.name, target: target.name, digest, mediaType, present, bytes, blobs, requests };
}

function sentence({ target, digest, present, bytes, blobs, durationMs }: CopyResult): string {
  if (present) return `${target} is there already, ${digest}\n`;
  const counts = `${blobs.pushed} blobs sent (${formatBytes(bytes)}), ${blobs.mounted} mounted, ${blobs.present} there before`;
  return `${target} ${digest}: ${counts}, in ${(durationMs / 1000).toFixed(1)} s\n`;
}
