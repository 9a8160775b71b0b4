import type { CopyTask, Found } from '../copy/outcome.ts';
import { formatReference } from '../image/reference.ts';
import type {
  CopyDecision,
  Decision,
  DenyDecision,
  RewriteDecision,
  SkipDecision,
  WarnDecision,
} from '../plan/decision.ts';
import { isNamespace } from '../plan/owner.ts';
import { type PullSecrets, pullSecretsOf } from '../workload/pull-secrets.ts';
import type { Cloning } from './cloning.ts';
import { withDeadline } from './deadline.ts';
import { type About, aboutOf } from './event.ts';
import type { Finding } from './finding.ts';
import { adviceIn, adviceOnPrivate, deniedByRule, sourceNotAllowed, unreadable, warned } from './message.ts';
import type { AdmissionRequest } from './request.ts';
import { judge, judgeRewrite, rewriteUnseen, type Verdict } from './verdict.ts';
import { wantedCopy } from './wanted-copy.ts';

/** What is not checked yet may have any length; a reference has at most this many characters. */
const LONGEST_LOGGED = 520;
/** Longest look for a copy that nobody waits for: one request to the backup registry, which is near. */
const LONGEST_LOOK = 1000;

/** Asks for every copy that was decided on, all at once, and settles each image by what became of its copy. */
export async function findCopies(
  request: AdmissionRequest,
  decisions: readonly Decision[],
  cloning: Cloning,
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const search = new Search(request, cloning, signal);
  return Promise.all(decisions.map((decision) => search.settle(decision)));
}

type Names = { readonly source: string; readonly backup: string };

/** The copies that one request needs. */
class Search {
  readonly #request: AdmissionRequest;
  readonly #cloning: Cloning;
  readonly #signal: AbortSignal;
  /** By names and urgency: an image that ten containers share is asked for once. */
  readonly #findings = new Map<string, Promise<Finding>>();
  #pullSecrets: PullSecrets | undefined;

  constructor(request: AdmissionRequest, cloning: Cloning, signal: AbortSignal) {
    this.#request = request;
    this.#cloning = cloning;
    this.#signal = signal;
  }

  async settle(decision: Decision): Promise<Verdict> {
    if (decision.action === 'skip') return this.#skip(decision);
    if (decision.action === 'deny') return this.#deny(decision);
    if (decision.action === 'warn') return this.#warn(decision);
    if (decision.action === 'rewrite') return this.#rewrite(decision);
    const finding = await this.#find(decision);
    const verdict = judge(decision, finding, this.#cloning.settings);
    const advice = 'error' in finding ? this.#adviceOn(finding.error) : undefined;
    const promised = verdict.promised && { ...verdict.promised, ...this.#askerOf(decision) };
    return { ...verdict, ...(promised && { promised }), ...(advice !== undefined && { advice }) };
  }

  #adviceOn(error: Error): string | undefined {
    return adviceIn(error) ?? (this.#cloning.tenantOf === undefined ? adviceOnPrivate(error) : undefined);
  }

  #skip({ use: { name, image }, reason, rule }: SkipDecision): Verdict {
    const [container = '', source = ''] = [name, image].map((text) => text.slice(0, LONGEST_LOGGED));
    const ruled = rule === undefined ? {} : { rule };
    this.#cloning.observe({ type: 'skipped', ...this.#about, container, source, reason, ...ruled });
    // What the user can mend, or would wait for in vain; for the rest nothing is wrong.
    if (reason === 'unparsable') return { warning: unreadable(image) };
    return reason === 'source-not-allowed' ? { warning: sourceNotAllowed(image) } : {};
  }

  #deny({ source, rule, message }: DenyDecision): Verdict {
    this.#cloning.observe({ type: 'refused', ...this.#about, source: formatReference(source), rule });
    return { denial: deniedByRule(source, rule, message) };
  }

  #warn(decision: WarnDecision): Verdict {
    this.#cloning.observe({ type: 'warned', ...this.#about, ...namesOf(decision), rule: decision.rule });
    return { warning: warned(decision.source, decision.backup, decision.message) };
  }

  async #rewrite(decision: RewriteDecision): Promise<Verdict> {
    const { observe, settings } = this.#cloning;
    if (decision.check) return judgeRewrite(decision, await this.#find(decision), settings);
    observe({ type: 'rewritten', ...this.#about, ...namesOf(decision), rule: decision.rule });
    return rewriteUnseen(decision);
  }

  #find(decision: CopyDecision | RewriteDecision): Promise<Finding> {
    const { source, backup } = namesOf(decision);
    const key = `${source} ${backup} ${wantedCopy(decision).newest}`;
    const known = this.#findings.get(key);
    if (known !== undefined) return known;
    const finding = this.#ask(decision);
    this.#findings.set(key, finding);
    return finding;
  }

  async #ask(decision: CopyDecision | RewriteDecision): Promise<Finding> {
    const { observe } = this.#cloning;
    observe({ type: 'planned', ...this.#about, ...namesOf(decision), rule: decision.rule });
    const started = performance.now();
    const finding = await this.#answer(decision);
    const durationMs = performance.now() - started;
    const { ownBackup: backup = decision.backup, ...rest } = { ownBackup: undefined, ...finding };
    observe({ type: 'found', ...this.#about, ...namesOf({ ...decision, backup }), ...rest, durationMs });
    return finding;
  }

  async #answer(decision: CopyDecision | RewriteDecision): Promise<Finding> {
    const { copies } = this.#cloning;
    const { action } = decision;
    const task = this.#taskOf(decision);
    if (action === 'copy' && !this.#request.dryRun) return copies.ensure(task, this.#signal);
    // A dry run leaves no trace: it looks whether the copy is there, and starts none.
    const found = await (action === 'copy' ? copies.find(task, this.#signal) : this.#lookBriefly(task));
    return found === undefined ? { state: 'absent' } : { state: 'there', ...found };
  }

  #taskOf(decision: CopyDecision | RewriteDecision): CopyTask {
    return { ...wantedCopy(decision), ...this.#askerOf(decision) };
  }

  #askerOf({ source, ownBackup }: CopyDecision | RewriteDecision): Pick<CopyTask, 'tenant'> {
    const { namespace = '', object } = this.#request;
    const { tenantOf, judgement } = this.#cloning;
    // Nobody may act for a namespace that can be none.
    if (tenantOf === undefined || !isNamespace(namespace)) return {};
    this.#pullSecrets ??= pullSecretsOf(object, judgement.kinds);
    const tenant = tenantOf({ namespace, pullSecrets: this.#pullSecrets }, source);
    return { tenant: ownBackup === undefined ? tenant : { ...tenant, backup: ownBackup } };
  }

  #lookBriefly(task: CopyTask): Promise<Found | undefined> {
    return withDeadline(LONGEST_LOOK, this.#signal, (signal) => this.#cloning.copies.find(task, signal));
  }

  get #about(): About {
    return aboutOf(this.#request);
  }
}

function namesOf({ source, backup }: CopyTask): Names {
  return { source: formatReference(source), backup: formatReference(backup) };
}
