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
  const { cloning, settle } = await compose({ settings, log, metrics: createMetrics({ version: '' }) });
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

function taskOf(decision: Planned['decision']): readonly (readonly [string, CopyTask])[] {
  if (decision === undefined || !('backup' in decision)) return [];
  const { source, backup, shared = false } = decision;
  const key = `${formatReference(source)} ${formatReference(backup)}`;
  return [[key, { source, backup, ...(shared && { shared }) }]];
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
