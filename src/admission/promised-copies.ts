import type { CopyTask } from '../copy/outcome.ts';
import { formatReference } from '../image/reference.ts';
import type { Cloning } from './cloning.ts';
import { aboutOf } from './event.ts';
import type { AdmissionRequest } from './request.ts';

/** Nobody waits for these copies, so nobody's time runs out. */
const NEVER = new AbortController().signal;

/**
 * Watches copies that a workload was pointed at while they were under way (`onPending: rewrite`): when one fails nothing
 * else tells whose pods cannot start. Joins the copy that runs; it never rejects.
 */
export async function watchPromised(
  request: AdmissionRequest,
  promised: readonly CopyTask[],
  { copies, observe }: Pick<Cloning, 'copies' | 'observe'>,
): Promise<void> {
  const tasks = new Map(
    promised.map((task) => [`${formatReference(task.source)} ${formatReference(task.backup)}`, task]),
  );
  await Promise.all(
    [...tasks.values()].map(async (task) => {
      const outcome = await copies.ensure(task, NEVER);
      if (outcome.state !== 'failed') return;
      const names = { source: formatReference(task.source), backup: formatReference(task.backup) };
      observe({ type: 'stranded', ...aboutOf(request), ...names, error: outcome.error });
    }),
  );
}
