import type { Digest } from '../image/digest.ts';
import { formatReference } from '../image/reference.ts';
import { BlobMemory } from './blob-memory.ts';
import { BoundedMap } from './bounded-map.ts';
import { asError, CopyError } from './copy-error.ts';
import { ImageCopy, type Surroundings } from './image-copy.ts';
import { transferLimit } from './limit.ts';
import type { Copies, CopyTask, Found, Kept, Outcome, Present } from './outcome.ts';
import { unlessAborted } from './promise.ts';
import { RecentMap } from './recent-map.ts';
import { isSourceFault } from './refusal.ts';
import { SingleFlight } from './single-flight.ts';
import { type ReadTask, TenantCopies } from './tenant-copies.ts';
import { Turns } from './turns.ts';

export interface CopierOptions
  extends Omit<Surroundings, 'limit' | 'turns' | 'memory' | 'choices' | 'circles'> {
  /** Blobs under way at once, over all copies. */
  readonly concurrency: number;
  /** Copies of one source host under way at once. */
  readonly concurrencyPerHost: number;
  /** How long a confirmed copy is not asked for again, in milliseconds. */
  readonly freshMs: number;
  /** Longest time for one copy, in milliseconds. */
  readonly timeoutMs: number;
  /** As in `TenantCopiesOptions`. */
  readonly rememberMs: number;
}

/** Indexes remembered with what was chosen of them. */
const MOST_CHOICES = 10_000;

/** Makes copies: one at a time for each backup name, whoever asks, for as long as it takes. */
export class Copier implements Copies {
  readonly #surroundings: Surroundings;
  readonly #timeoutMs: number;
  readonly #confirmed: RecentMap<Present>;
  readonly #flights = new SingleFlight<Outcome>();
  /** Of names that sources share: each sees what became of the one before. */
  readonly #names = new Turns(1);
  readonly #following = new SingleFlight<void>();
  readonly #tenants: TenantCopies;
  readonly #stopping = new AbortController();

  constructor({
    concurrency,
    concurrencyPerHost,
    freshMs,
    timeoutMs,
    rememberMs,
    ...surroundings
  }: CopierOptions) {
    this.#surroundings = {
      ...surroundings,
      limit: transferLimit(concurrency),
      turns: new Turns(concurrencyPerHost),
      memory: new BlobMemory(),
      choices: new BoundedMap(MOST_CHOICES),
    };
    this.#timeoutMs = timeoutMs;
    this.#confirmed = new RecentMap(freshMs);
    const { observe, sourceCheckMs, sourceOf } = surroundings;
    this.#tenants = new TenantCopies({
      engine: {
        ensure: (task) => this.#ensure(task),
        known: (task) => this.#known(task),
        look: (task) => this.#look(task, this.#stopping.signal),
        sourceOf: (source) => sourceOf(source).source,
      },
      observe,
      rememberMs,
      sourceCheckMs,
    });
  }

  async ensure(task: CopyTask, signal: AbortSignal): Promise<Outcome> {
    const known = this.#known(task);
    if (known !== undefined) return known;
    const { tenant } = task;
    const copy = tenant === undefined ? this.#ensure(task) : this.#tenants.ensure(task, tenant);
    // A copy never rejects, so it is the caller's signal that does.
    return unlessAborted(signal, copy).catch((): Outcome => ({ state: 'pending' }));
  }

  async find(task: CopyTask, signal: AbortSignal): Promise<Found | undefined> {
    if (task.tenant !== undefined)
      return unlessAborted(signal, this.#tenants.find(task, task.tenant)).catch(() => undefined);
    const digest = await this.#look(task, signal);
    return digest === undefined ? undefined : { digest };
  }

  async #look(task: CopyTask, signal: AbortSignal): Promise<Digest | undefined> {
    try {
      return (await new ImageCopy(this.#surroundings, task, signal).findBackup()).present;
    } catch {
      return undefined;
    }
  }

  async #ensure(task: ReadTask): Promise<Outcome> {
    return (
      this.#known(task) ?? this.#flights.run(`${keyOf(task)} ${task.reading?.key}`, () => this.#copy(task))
    );
  }

  #known(task: CopyTask): Present | undefined {
    const asksAnew = task.newest && this.#surroundings.moved !== 'keep';
    return asksAnew ? undefined : this.#confirmed.get(keyOf(task));
  }

  /** Off the critical path: the image serves without its signatures, and is there before them. */
  #copyReferrers(task: CopyTask, copy: ImageCopy): void {
    const flight = this.#following.run(keyOf(task), () => copy.copyReferrers());
    flight.catch((cause: unknown) =>
      this.#surroundings.observe({ type: 'referrers-failed', task, error: asError(cause) }),
    );
  }

  /** Breaks off what runs. Resolves when it has ended, with no upload left open. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.settled();
  }

  /** Copies that run now. */
  get inProgress(): number {
    return this.#flights.size;
  }

  /** Resolves when no copy runs any more. */
  async settled(): Promise<void> {
    await this.#tenants.settled();
    await this.#flights.settled();
    await this.#following.settled();
  }

  async #inTurn({ backup }: CopyTask, copy: ImageCopy, signal: AbortSignal): Promise<Kept> {
    const end = await this.#names.next(formatReference(backup), signal);
    return copy.run().finally(end);
  }

  async #copy(task: ReadTask): Promise<Outcome> {
    const begun = performance.now();
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(this.#timeoutMs), this.#stopping.signal]);
      const copy = new ImageCopy(this.#surroundingsOf(task), task, signal);
      const outcome = await (task.shared ? this.#inTurn(task, copy, signal) : copy.run());
      this.#confirmed.set(keyOf(task), presentAs(outcome));
      if (this.#surroundings.referrers && outcome.state === 'copied') this.#copyReferrers(task, copy);
      return outcome;
    } catch (cause) {
      const error = asError(cause);
      if (isTargetLost(error)) this.#confirmed.clear();
      this.#tellFailed(task, error, performance.now() - begun);
      return { state: 'failed', error };
    }
  }

  /** Where a tenant may be given what everybody is not, the last word is not said yet. */
  #tellFailed(task: ReadTask, error: Error, durationMs: number): void {
    const goesOn = task.tenant?.backup !== undefined && task.reading === undefined && isSourceFault(error);
    const type = goesOn ? 'not-for-everybody' : 'failed';
    this.#surroundings.observe({ type, task, error, durationMs });
  }

  #surroundingsOf({ source, reading }: ReadTask): Surroundings {
    const surroundings = this.#surroundings;
    if (reading === undefined) return surroundings;
    const access = surroundings.sourceOf(source);
    const { choices = surroundings.choices, circles } = reading;
    return {
      ...surroundings,
      sourceOf: () => ({ ...access, source: reading.source }),
      choices,
      ...(circles !== undefined && { circles }),
    };
  }
}

/** What such a registry confirmed is asked for again. A fault of one image or of its source says nothing of others. */
function isTargetLost(error: Error): boolean {
  return error instanceof CopyError && error.side === 'target' && LOST.has(error.code);
}

const LOST: ReadonlySet<string> = new Set([
  'UNREACHABLE',
  'UNTRUSTED',
  'UNAVAILABLE',
  'TIMEOUT',
  'UNAUTHORIZED',
]);

/** What is copied now is there from now on. */
function presentAs(outcome: Kept): Present {
  return outcome.state === 'present' ? outcome : { state: 'present', digest: outcome.digest };
}

/** The source is in the key because some namings give two sources one backup. */
function keyOf({ source, backup }: CopyTask): string {
  return `${formatReference(source)} ${formatReference(backup)}`;
}
