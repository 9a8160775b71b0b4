import type { CopyTask, Outcome } from '../copy/outcome.ts';
import { formatReference } from '../image/reference.ts';
import type { Cloning } from './cloning.ts';
import { aboutOf } from './event.ts';
import type { AdmissionRequest } from './request.ts';
import { isOther } from './verdict.ts';

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
      const error = faultOf(task, outcome);
      if (error === undefined) return;
      const names = { source: formatReference(task.source), backup: formatReference(task.backup) };
      observe({ type: 'stranded', ...aboutOf(request), ...names, error });
    }),
  );
}

/** What is wrong with a copy that pods are to be pulled by. */
function faultOf({ source }: CopyTask, outcome: Outcome): Error | undefined {
  if (outcome.state === 'failed') return outcome.error;
  const hasOther = 'digest' in outcome && isOther(source, outcome.digest);
  return hasOther ? new OtherDigestError(outcome.digest) : undefined;
}

/** The copy that was promised by its digest was made anew by a daemon, with another. */
class OtherDigestError extends Error {
  override readonly name = 'OtherDigestError';
  readonly code = 'OTHER_DIGEST';

  constructor(digest: string) {
    super(`Cannot keep the promise of a copy: it has the digest ${digest}`);
  }
}
