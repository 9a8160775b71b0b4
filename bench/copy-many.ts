import { openRegistries } from '../src/cli/registries.ts';
import { loadSettings } from '../src/config/configuration.ts';
import { parseReference } from '../src/image/reference.ts';
import type { Pair } from './pair.ts';

/** Copies all pairs of source and target at once through one engine, as the webhook does with a burst of workloads. */
async function copyMany(pairs: readonly Pair[]): Promise<void> {
  const tasks = pairs.map(({ source, target }) => ({
    source: parseReference(source),
    backup: parseReference(target),
  }));
  const [first] = tasks;
  if (first === undefined) throw new Error('Cannot copy: wanted pairs of source and target');
  const settings = await loadSettings({ environment: { SOURCES_INTERNAL: '127.0.0.1' } });
  const registries = openRegistries({
    settings,
    backupHost: first.backup.host,
    findBackupCredentials: async () => [],
    findSourceCredentials: async () => [],
    observe: () => undefined,
  });
  const outcomes = await Promise.all(tasks.map((task) => registries.copier.ensure(task, NEVER)));
  for (const outcome of outcomes) if (outcome.state === 'failed') throw outcome.error;
  await registries.close();
}

const NEVER = new AbortController().signal;

function pairsOf([source, target, ...rest]: readonly string[]): readonly Pair[] {
  return source === undefined || target === undefined ? [] : [{ source, target }, ...pairsOf(rest)];
}

await copyMany(pairsOf(process.argv.slice(2)));
