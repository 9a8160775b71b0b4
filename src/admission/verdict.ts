import { familiarReference } from '../image/reference.ts';
import type { CopyDecision, RewriteDecision } from '../plan/decision.ts';
import type { Replacement } from '../workload/patch-operation.ts';
import type { Finding } from './finding.ts';
import * as message from './message.ts';

/** What happens to an image whose copy is not there (design, "Outcomes"). */
export interface Policy {
  /** `allow`: the source stays; `rewrite`: the copy's name is written already; `deny`: the request is refused. */
  readonly onPending: 'allow' | 'rewrite' | 'deny';
  readonly onFailure: 'allow' | 'deny';
  /** Write the digest of the copy behind its tag, so that nothing the tag does later reaches the workload. */
  readonly pin: boolean;
}

/** What becomes of one image in the answer. */
export interface Verdict {
  readonly replacement?: Replacement;
  /** For the user; of a replacement it is true only if the patch is sent. */
  readonly warning?: string;
  /** Refuses the whole request. */
  readonly denial?: string;
}

/** Settles one image that is to be copied by what became of its copy. */
export function judge(decision: CopyDecision, finding: Finding, policy: Policy): Verdict {
  const { source, backup } = decision;
  if (finding.state === 'pending') return judgePending(decision, policy);
  if (finding.state === 'failed') return judgeFailed(decision, finding.error, policy);
  if (finding.state === 'absent') return { warning: message.wouldBeCopied(source, backup) };
  const digest = policy.pin && 'digest' in finding ? finding.digest : undefined;
  return { replacement: replace(decision, digest), warning: message.swapped(source, backup) };
}

/** Settles one image that may be rewritten and not copied. */
export function judgeRewrite(decision: RewriteDecision, isThere: boolean): Verdict {
  const { source, backup, quiet } = decision;
  if (isThere) return { replacement: replace(decision), warning: message.swapped(source, backup) };
  return quiet ? {} : { warning: message.notThere(source) };
}

function judgePending(decision: CopyDecision, { onPending }: Policy): Verdict {
  const { source, backup } = decision;
  if (onPending === 'deny') return { denial: message.deniedWhileCopying(source) };
  return onPending === 'rewrite'
    ? { replacement: replace(decision), warning: message.notYetThere(source, backup) }
    : { warning: message.stillCopying(source) };
}

function judgeFailed({ source }: CopyDecision, error: Error, { onFailure }: Policy): Verdict {
  return onFailure === 'deny'
    ? { denial: message.deniedUncopied(source, error) }
    : { warning: message.notCopied(source, error) };
}

function replace({ use, backup }: CopyDecision | RewriteDecision, digest = backup.digest): Replacement {
  const pinned = digest === undefined ? backup : { ...backup, digest: backup.digest ?? digest };
  return { use, image: familiarReference(pinned) };
}
