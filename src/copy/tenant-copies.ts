import type { Digest } from '../image/digest.ts';
import { formatReference, type Reference, repositoryOf } from '../image/reference.ts';
import { BoundedMap } from './bounded-map.ts';
import type { ObserveCopy } from './event.ts';
import type { CopyTask, Found, Outcome, Present } from './outcome.ts';
import { within } from './promise.ts';
import { RecentMap } from './recent-map.ts';
import { isRefusal, isSourceFault } from './refusal.ts';
import { SingleFlight } from './single-flight.ts';
import { SourceForTenant } from './source-for-tenant.ts';
import type { Source } from './target.ts';
import type { Tenant } from './tenant.ts';

/** How one copy reads its source, where that is not as everybody does. */
interface Reading {
  /** Copies under one name that read in other ways are not one copy. */
  readonly key: string;
  readonly source: Source;
  /** As in `Surroundings`, and nobody else's. */
  readonly choices?: BoundedMap<string, Digest>;
  /** As in `Place`. */
  readonly circles?: readonly string[];
}

/** One copy, of one name, read in one way. */
export type ReadTask = CopyTask & { readonly reading?: Reading };

/** What makes the copies; it never rejects. */
interface Engine {
  readonly ensure: (task: ReadTask) => Promise<Outcome>;
  /** What was confirmed a moment ago. */
  readonly known: (task: CopyTask) => Present | undefined;
  /** Looks in the backup registry alone. */
  readonly look: (task: CopyTask) => Promise<Digest | undefined>;
  readonly sourceOf: (source: Reference) => Source;
}

export interface TenantCopiesOptions {
  readonly engine: Engine;
  readonly observe: ObserveCopy;
  /** How long a refused credential is not shown again, and a source that only tenants get is not asked as everybody. */
  readonly rememberMs: number;
  /** As in `Surroundings`. */
  readonly sourceCheckMs: number;
}

/** Tenants of which is remembered what was chosen of indexes, and how many indexes of each. */
const MOST_TENANTS = 1_000;
const MOST_CHOICES = 1_000;

/**
 * Copies for those who may read what is not for everybody (docs/decisions/0009). A copy that can be read by everybody is
 * everybody's. What only a tenant is given, it gets under a name of its own, and nobody else does: everybody who has no
 * copy has to be given the image by its source.
 */
export class TenantCopies {
  readonly #options: TenantCopiesOptions;
  readonly #asking = new SingleFlight<Outcome>();
  readonly #refusals: RecentMap<unknown>;
  /** Sources that everybody was refused and a tenant was given, with the refusal. */
  readonly #closed: RecentMap<unknown>;
  readonly #choices = new BoundedMap<string, BoundedMap<string, Digest>>(MOST_TENANTS);

  constructor(options: TenantCopiesOptions) {
    this.#options = options;
    this.#refusals = new RecentMap(options.rememberMs);
    this.#closed = new RecentMap(options.rememberMs);
  }

  async ensure(task: CopyTask, tenant: Tenant): Promise<Outcome> {
    const { engine } = this.#options;
    const { backup } = tenant;
    if (backup === undefined) return engine.ensure(this.#together(task, tenant));
    const own = { ...task, backup };
    const known = engine.known(task) ?? at(backup, engine.known(own));
    const key = `${formatReference(task.source)} ${tenant.key} ${task.newest}`;
    return known ?? this.#asking.run(key, () => this.#ask(task, own, tenant));
  }

  /** Everybody's copy or the tenant's own; to have one is a right that the source gave once. */
  async find(task: CopyTask, { backup }: Tenant): Promise<Found | undefined> {
    const digest = await this.#options.engine.look(task);
    if (digest !== undefined) return { digest };
    const own = backup && (await this.#options.engine.look({ ...task, backup }));
    return own === undefined || backup === undefined ? undefined : { digest: own, ownBackup: backup };
  }

  settled(): Promise<void> {
    return this.#asking.settled();
  }

  /** Everybody's name and whatever credentials there are: for clusters with one tenant. */
  #together(task: CopyTask, tenant: Tenant): ReadTask {
    const everybody = { source: this.#options.engine.sourceOf(task.source) };
    const source = this.#sourceFor(task, tenant, everybody);
    return { ...task, reading: { key: tenant.key, source } };
  }

  async #ask(task: CopyTask, own: CopyTask, tenant: Tenant): Promise<Outcome> {
    const name = formatReference(task.source);
    const begun = performance.now();
    let refusal = this.#closed.get(name);
    if (refusal === undefined) {
      const outcome = await this.#askForEverybody(task, own);
      if (outcome.state !== 'failed' || !isSourceFault(outcome.error)) return outcome;
      if (!isRefusal(outcome.error)) return this.#orOwn(outcome, task, own, begun);
      refusal = outcome.error.cause;
    }
    const outcome = await this.#options.engine.ensure(this.#apart(own, tenant, refusal));
    if (outcome.state !== 'failed') this.#closed.set(name, refusal);
    return at(own.backup, outcome);
  }

  /** Nobody who has a copy of its own waits for a source that is silent, or for what is copied for everybody. */
  async #askForEverybody(task: CopyTask, own: CopyTask): Promise<Outcome> {
    const { engine, sourceCheckMs } = this.#options;
    const everybody = engine.ensure(task);
    return (await within(sourceCheckMs, everybody)) ?? (await this.#look(own)) ?? everybody;
  }

  /** The source is gone for everybody: who was given the image while it was there goes on. */
  async #orOwn(
    outcome: Extract<Outcome, { readonly error: Error }>,
    task: CopyTask,
    own: CopyTask,
    begun: number,
  ): Promise<Outcome> {
    const { observe } = this.#options;
    const { error } = outcome;
    const found = await this.#look(own);
    if (found === undefined) observe({ type: 'failed', task, error, durationMs: performance.now() - begun });
    else observe({ type: 'source-unavailable', task: own, error });
    return found ?? outcome;
  }

  async #look(own: CopyTask): Promise<Outcome | undefined> {
    const digest = await this.#options.engine.look(own);
    return digest === undefined ? undefined : { state: 'present', digest, ownBackup: own.backup };
  }

  #apart(own: CopyTask, tenant: Tenant, refusal: unknown): ReadTask {
    const source = this.#sourceFor(own, tenant, { refusal });
    // A blob is mounted from a copy only for those who have it already, or are given it by the same source now.
    const circles = [`tenant ${tenant.name}`, `source ${repositoryOf(own.source)}`];
    return { ...own, reading: { key: tenant.key, source, circles, choices: this.#choicesOf(tenant) } };
  }

  #sourceFor(
    { source }: CopyTask,
    tenant: Tenant,
    everybody: { readonly source: Source } | { readonly refusal: unknown },
  ): Source {
    const refusals = this.#refusals;
    return new SourceForTenant({ tenant, repository: repositoryOf(source), refusals, everybody });
  }

  #choicesOf({ name }: Tenant): BoundedMap<string, Digest> {
    const known = this.#choices.get(name);
    if (known !== undefined) return known;
    const choices = new BoundedMap<string, Digest>(MOST_CHOICES);
    this.#choices.set(name, choices);
    return choices;
  }
}

function at<Result extends Outcome | undefined>(ownBackup: Reference, outcome: Result): Result {
  return outcome !== undefined && 'digest' in outcome ? { ...outcome, ownBackup } : outcome;
}
