import { Copier, type CopierOptions } from '../../src/copy/copier.ts';
import type { GraphCopy } from '../../src/copy/copy-graph.ts';
import { transferLimit } from '../../src/copy/limit.ts';
import type { CopyTask } from '../../src/copy/outcome.ts';
import type { Source, Target } from '../../src/copy/target.ts';
import type { Platform } from '../../src/image/platform.ts';
import type { Reference } from '../../src/image/reference.ts';
import { Repository } from '../../src/registry/repository.ts';
import { never, type Stage, type StageClientOptions } from './stage.ts';

/** A copy between two sides that waits for nothing. */
export function graphCopy(source: Source, target: Target, options: Partial<GraphCopy> = {}): GraphCopy {
  return {
    source,
    target,
    limit: transferLimit(8),
    signal: never,
    consistencyWaitsMs: [1, 1, 1],
    ...options,
  };
}

export interface CopierStageOptions extends Partial<Omit<CopierOptions, 'platforms'>> {
  /** Default: all. */
  readonly platforms?: readonly Platform[];
  readonly sourceClient?: StageClientOptions;
  readonly targetClient?: StageClientOptions;
  /** Registries that count what is read from them. */
  readonly counting?: boolean;
}

/** A copier with a client for each side, which waits for nothing and remembers no confirmation. */
export function copierOn(stage: Stage, options: CopierStageOptions = {}): Copier {
  const { sourceClient, targetClient, counting = false, platforms = [], ...rest } = options;
  const [reading, writing] = [stage.client(sourceClient), stage.client(targetClient)];
  return new Copier({
    sourceOf: (source: Reference) => {
      const repository = new Repository(reading, source, 'pull');
      return { source: repository, countsPulls: counting, heldBack: (signal) => repository.heldBack(signal) };
    },
    targetOf: (backup: Reference) => new Repository(writing, backup, 'pull,push'),
    observe: () => undefined,
    sourceCheckMs: 5_000,
    consistencyWaitsMs: [1, 1, 1],
    platforms: () => platforms,
    moved: 'refresh',
    referrers: false,
    concurrency: 8,
    concurrencyPerHost: 8,
    freshMs: 0,
    timeoutMs: 60_000,
    rememberMs: 0,
    ...rest,
  });
}

/** The copy of an image under the name that it has at its source. */
export function taskBetween(
  source: { readonly host: string },
  target: { readonly host: string },
  name: Omit<Reference, 'host'>,
): CopyTask {
  return {
    source: { host: source.host, ...name },
    backup: { host: target.host, ...name, path: `backup/${name.path}` },
  };
}
