import type { CopyTask } from '../copy/outcome.ts';
import { formatReference } from '../image/reference.ts';
import type { CopyDecision, Decision, SkipDecision } from '../plan/decision.ts';
import type { Cloning } from './cloning.ts';
import { aboutOf } from './event.ts';
import type { Finding } from './finding.ts';
import { unreadable } from './message.ts';
import type { AdmissionRequest } from './request.ts';
import { judge, type Verdict } from './verdict.ts';

/** What is not checked yet may have any length; a reference has at most this many characters. */
const LONGEST_LOGGED = 520;

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

/** The copies that one request needs. */
class Search {
  readonly #request: AdmissionRequest;
  readonly #cloning: Cloning;
  readonly #signal: AbortSignal;
  /** By source: an image that ten containers share is asked for once. */
  readonly #findings = new Map<string, Promise<Finding>>();

  constructor(request: AdmissionRequest, cloning: Cloning, signal: AbortSignal) {
    this.#request = request;
    this.#cloning = cloning;
    this.#signal = signal;
  }

  async settle(decision: Decision): Promise<Verdict> {
    if (decision.action === 'skip') return this.#skip(decision);
    return judge(decision, await this.#find(decision), this.#cloning.settings);
  }

  #skip({ use: { name, image }, reason }: SkipDecision): Verdict {
    const [container = '', source = ''] = [name, image].map((text) => text.slice(0, LONGEST_LOGGED));
    this.#cloning.observe({ type: 'skipped', ...aboutOf(this.#request), container, source, reason });
    // The one fault that the user can mend; for the rest nothing is wrong.
    return reason === 'unparsable' ? { warning: unreadable(image) } : {};
  }

  #find(task: CopyDecision): Promise<Finding> {
    const source = formatReference(task.source);
    const known = this.#findings.get(source);
    if (known !== undefined) return known;
    const finding = this.#ask(task, source);
    this.#findings.set(source, finding);
    return finding;
  }

  async #ask({ source, backup }: CopyTask, name: string): Promise<Finding> {
    const { observe } = this.#cloning;
    const copying = { ...aboutOf(this.#request), source: name, backup: formatReference(backup) };
    observe({ type: 'planned', ...copying });
    const started = performance.now();
    const finding = await this.#ensure({ source, backup });
    observe({ type: 'found', ...copying, ...finding, durationMs: performance.now() - started });
    return finding;
  }

  async #ensure(task: CopyTask): Promise<Finding> {
    const { copies } = this.#cloning;
    if (!this.#request.dryRun) return copies.ensure(task, this.#signal);
    // A dry run leaves no trace: it looks whether the copy is there, and starts none.
    const isThere = await copies.has(task, this.#signal);
    return { state: isThere ? 'there' : 'absent' };
  }
}
