import type { CopyTask } from '../copy/outcome.ts';
import type { CopyDecision, RewriteDecision } from '../plan/decision.ts';

/** The copy that a decision is about. */
export function wantedCopy(decision: CopyDecision | RewriteDecision): CopyTask {
  const { source, backup, shared = false } = decision;
  const newest = decision.action === 'copy' && decision.newest;
  return { source, backup, ...(shared && { shared }), ...(newest && { newest }) };
}
