import { compose } from '../src/cli/compose.ts';
import { limitYoungGarbage } from '../src/cli/young-garbage.ts';
import { loadSettings } from '../src/config/configuration.ts';
import { type Environment, processEnvironment } from '../src/config/process-environment.ts';
import { parseReference } from '../src/image/reference.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import type { Pair } from './pair.ts';

/** Copies all pairs of source and target at once, with what stands behind the webhook. */
async function copyMany(pairs: readonly Pair[]): Promise<void> {
  const tasks = pairs.map(({ source, target }) => ({
    source: parseReference(source),
    backup: parseReference(target),
  }));
  const REGISTRY = tasks[0]?.backup.host ?? '';
  const environment = {
    REGISTRY: `${REGISTRY}/bench`,
    REGISTRY_AUTH_DIR: '.',
    SOURCES_INTERNAL: '127.0.0.1,localhost',
    ...daemonsOf(processEnvironment()),
  };
  const settings = await loadSettings({ environment });
  const log = await createLogger({ level: 'warn', format: 'json' });
  const { cloning, settle } = await compose({
    settings,
    log,
    metrics: createMetrics({ version: 'bench' }),
    environment,
  });
  // As the webhook does.
  limitYoungGarbage();
  const outcomes = await Promise.all(tasks.map((task) => cloning.copies.ensure(task, NEVER)));
  for (const outcome of outcomes) if (outcome.state === 'failed') throw outcome.error;
  await settle(NEVER);
}

/** Where a daemon is to be asked for what its source no longer gives. */
function daemonsOf({ CONTAINERD_SOCKET, DOCKER_SOCKET }: Environment): Environment {
  return { ...(CONTAINERD_SOCKET && { CONTAINERD_SOCKET }), ...(DOCKER_SOCKET && { DOCKER_SOCKET }) };
}

const NEVER = new AbortController().signal;

function pairsOf([source, target, ...rest]: readonly string[]): readonly Pair[] {
  return source === undefined || target === undefined ? [] : [{ source, target }, ...pairsOf(rest)];
}

void copyMany(pairsOf(process.argv.slice(2)));
