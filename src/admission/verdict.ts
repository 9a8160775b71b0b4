import type { CopyTask, Found } from '../copy/outcome.ts';
import { contradicts, type Digest } from '../image/digest.ts';
import { familiarReference, type Reference } from '../image/reference.ts';
import type { CopyDecision, RewriteDecision } from '../plan/decision.ts';
import type { Replacement } from '../workload/patch-operation.ts';
import type { Finding } from './finding.ts';
import * as message from './message.ts';
import { wantedCopy } from './wanted-copy.ts';

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
  /** The copy that the replacement names and that is still under way. */
  readonly promised?: CopyTask;
  /** For the user; of a replacement it is true only if the patch is sent. */
  readonly warning?: string;
  /** What can be done about the warning or the denial, and by whom. */
  readonly advice?: string;
  /** Refuses the whole request. */
  readonly denial?: string;
}

/** Settles one image that is to be copied by what became of its copy. */
export function judge(decision: CopyDecision, finding: Finding, policy: Policy): Verdict {
  const { source, backup } = decision;
  if (finding.state === 'pending') return judgePending(decision, policy);
  if (finding.state === 'failed') return judgeFailed(decision, finding.error, policy);
  if (finding.state === 'absent') return { warning: message.wouldBeCopied(source, backup) };
  if (isOther(source, finding.digest)) return judgeOther(decision, policy);
  const placed = placedAs(decision, finding);
  const verdict = pointAt(placed, policy.pin ? finding.digest : undefined);
  return 'moved' in finding ? { ...verdict, warning: message.hasMoved(source, placed.backup) } : verdict;
}

/** A namespace's own copy has another name than the one that everybody's would have. */
function placedAs<One extends CopyDecision | RewriteDecision>(decision: One, { ownBackup }: Found): One {
  return ownBackup === undefined ? decision : { ...decision, backup: ownBackup };
}

/** A source with a digest is that content: a copy with another one cannot even be pulled under the source's. */
export function isOther({ digest }: Reference, found: Digest): boolean {
  return digest !== undefined && contradicts(digest, found);
}

function judgeOther({ source }: CopyDecision, { onFailure }: Policy): Verdict {
  return onFailure === 'deny'
    ? { denial: message.deniedOtherDigest(source) }
    : { warning: message.otherDigest(source) };
}

/** Settles one image that may be rewritten, if its copy is there, and not copied. */
export function judgeRewrite(decision: RewriteDecision, finding: Finding, { pin }: Policy): Verdict {
  if (finding.state === 'there')
    return pointAt(placedAs(decision, finding), pin ? finding.digest : undefined);
  return decision.quiet ? {} : { warning: message.notThere(decision.source) };
}

/** Settles one image whose copy nobody looks for, and nobody knows the digest of. */
export function rewriteUnseen(decision: RewriteDecision): Verdict {
  return pointAt(decision);
}

function pointAt(decision: CopyDecision | RewriteDecision, digest?: Digest): Verdict {
  const { source, backup } = decision;
  return { replacement: replace(decision, digest), warning: message.swapped(source, backup) };
}

function judgePending(decision: CopyDecision, { onPending }: Policy): Verdict {
  const { source, backup, shared = false } = decision;
  if (onPending === 'deny') return { denial: message.deniedWhileCopying(source) };
  // What is under a shared name until then may be the copy of another source; and whose the copy will be, the namespace's
  // own or everybody's, is known only once the source has been asked.
  const isCertain = !shared && decision.ownBackup === undefined;
  return onPending === 'rewrite' && isCertain
    ? {
        replacement: replace(decision),
        promised: wantedCopy(decision),
        warning: message.notYetThere(source, backup),
      }
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
