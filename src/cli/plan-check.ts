import type { Settings } from '../config/configuration.ts';
import type { CopyTask } from '../copy/outcome.ts';
import { formatReference } from '../image/reference.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { compose } from './compose.ts';
import type { Planned, PlanRow } from './plan-row.ts';

/** Each asks the backup registry once; more at once would only queue there. */
const AT_ONCE = 16;

/** The rows, those that name a copy with the word of the backup registry whether it is there. Copies nothing. */
export async function checkCopies(
  planned: readonly Planned[],
  settings: Settings,
): Promise<readonly PlanRow[]> {
  const log = await createLogger({ level: 'error', format: 'text', destination: { write: () => {} } });
  const metrics = createMetrics({ version: '' });
  const { cloning, settle } = await compose({ settings: aloneWith(settings), log, metrics });
  const tasks = new Map(planned.flatMap(({ decision }) => taskOf(decision)));
  const signal = new AbortController().signal;
  const found = await eachAtMost([...tasks], async ([key, task]) => [
    key,
    (await cloning.copies.find(task, signal)) !== undefined,
  ]);
  await settle(AbortSignal.abort());
  const there = new Map(found);
  return planned.map(({ row, decision }) => {
    const copied = taskOf(decision).map(([key]) => there.get(key))[0];
    return copied === undefined ? row : { ...row, copied };
  });
}

/** The backup registry alone is asked: no API server, whatever needs one to copy. */
function aloneWith(settings: Settings): Settings {
  const { access, copy } = settings;
  return { ...settings, access: { ...access, pullSecrets: false }, copy: { ...copy, platforms: [] } };
}

function taskOf(decision: Planned['decision']): readonly (readonly [string, CopyTask])[] {
  if (decision === undefined || !('backup' in decision)) return [];
  const { source, backup, ownBackup, shared = false } = decision;
  const key = [source, backup, ...(ownBackup === undefined ? [] : [ownBackup])]
    .map(formatReference)
    .join(' ');
  const tenant = ownBackup && { tenant: { name: key, key, backup: ownBackup, sources: noSources } };
  return [[key, { source, backup, ...(shared && { shared }), ...tenant }]];
}

/** Who only looks reads no source. */
async function noSources(): Promise<readonly never[]> {
  return [];
}

async function eachAtMost<Item>(
  items: readonly Item[],
  task: (item: Item) => Promise<readonly [string, boolean]>,
): Promise<readonly (readonly [string, boolean])[]> {
  const results: (readonly [string, boolean])[] = [];
  const waiting = items.values();
  async function work(): Promise<void> {
    for (const item of waiting) results.push(await task(item));
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}
