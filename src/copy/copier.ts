import type { Digest } from '../image/digest.ts';
import { formatReference } from '../image/reference.ts';
import { BlobMemory } from './blob-memory.ts';
import { BoundedMap } from './bounded-map.ts';
import { Confirmations } from './confirmations.ts';
import { asError, CopyError } from './copy-error.ts';
import { HostTurns } from './host-turns.ts';
import { ImageCopy, type Surroundings } from './image-copy.ts';
import { transferLimit } from './limit.ts';
import type { Copies, CopyTask, Kept, Outcome, Present } from './outcome.ts';
import { unlessAborted } from './promise.ts';
import { SingleFlight } from './single-flight.ts';

export interface CopierOptions extends Omit<Surroundings, 'limit' | 'turns' | 'memory' | 'choices'> {
  /** Blobs under way at once, over all copies. */
  readonly concurrency: number;
  /** Copies of one source host under way at once. */
  readonly concurrencyPerHost: number;
  /** How long a confirmed copy is not asked for again, in milliseconds. */
  readonly freshMs: number;
  /** Longest time for one copy, in milliseconds. */
  readonly timeoutMs: number;
}

/** Indexes remembered with what was chosen of them. */
const MOST_CHOICES = 10_000;

/** Makes copies: one at a time for each backup name, whoever asks, for as long as it takes. */
export class Copier implements Copies {
  readonly #surroundings: Surroundings;
  readonly #timeoutMs: number;
  readonly #confirmed: Confirmations;
  readonly #flights = new SingleFlight<Outcome>();
  /** Of names that sources share: each sees what became of the one before. */
  readonly #names = new HostTurns(1);
  readonly #following = new SingleFlight<void>();
  readonly #stopping = new AbortController();

  constructor({ concurrency, concurrencyPerHost, freshMs, timeoutMs, ...surroundings }: CopierOptions) {
    this.#surroundings = {
      ...surroundings,
      limit: transferLimit(concurrency),
      turns: new HostTurns(concurrencyPerHost),
      memory: new BlobMemory(),
      choices: new BoundedMap(MOST_CHOICES),
    };
    this.#timeoutMs = timeoutMs;
    this.#confirmed = new Confirmations(freshMs);
  }

  async ensure(task: CopyTask, signal: AbortSignal): Promise<Outcome> {
    const known = this.#asksAnew(task) ? undefined : this.#confirmed.get(keyOf(task));
    if (known !== undefined) return known;
    const flight = this.#flights.run(keyOf(task), () => this.#copy(task));
    // A copy never rejects, so it is the caller's signal that does.
    return unlessAborted(signal, flight).catch((): Outcome => ({ state: 'pending' }));
  }

  async find(task: CopyTask, signal: AbortSignal): Promise<Digest | undefined> {
    try {
      return (await new ImageCopy(this.#surroundings, task, signal).findBackup()).present;
    } catch {
      return undefined;
    }
  }

  #asksAnew({ newest = false }: CopyTask): boolean {
    return newest && this.#surroundings.moved !== 'keep';
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
  settled(): Promise<void> {
    return this.#flights.settled().then(() => this.#following.settled());
  }

  async #inTurn({ backup }: CopyTask, copy: ImageCopy, signal: AbortSignal): Promise<Kept> {
    const end = await this.#names.next(formatReference(backup), signal);
    return copy.run().finally(end);
  }

  async #copy(task: CopyTask): Promise<Outcome> {
    const begun = performance.now();
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(this.#timeoutMs), this.#stopping.signal]);
      const copy = new ImageCopy(this.#surroundings, task, signal);
      const outcome = await (task.shared ? this.#inTurn(task, copy, signal) : copy.run());
      this.#confirmed.set(keyOf(task), presentAs(outcome));
      if (this.#surroundings.referrers && outcome.state === 'copied') this.#copyReferrers(task, copy);
      return outcome;
    } catch (cause) {
      const error = asError(cause);
      if (isTargetLost(error)) this.#confirmed.clear();
      this.#surroundings.observe({ type: 'failed', task, error, durationMs: performance.now() - begun });
      return { state: 'failed', error };
    }
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
