import { setTimeout as pause } from 'node:timers/promises';
import { KeptLease } from './kept-lease.ts';
import { LEASE_SECONDS } from './lease-object.ts';
import type { LeaseStore } from './lease-store.ts';

export interface CopyLeasesOptions {
  readonly store: LeaseStore;
  /** A Lease could not be had, renewed or given back: the work goes on without it. */
  readonly onFault: (error: unknown) => void;
  /** Between two looks at somebody else's Lease. @default half a second */
  readonly pollMs?: number;
  /** After this time a Lease that nobody renews is anybody's. @default `LEASE_SECONDS` */
  readonly lifeMs?: number;
}

interface Granted {
  /** Somebody else had it first. */
  readonly waited: boolean;
  readonly release: () => Promise<void>;
}

/** Renewals that may fail before a Lease is lost. */
const RENEWALS_A_LIFE = 3;

/** One replica makes a copy and the others wait for it: whoever creates the Lease has it, until it is deleted. */
export class CopyLeases {
  readonly #options: Required<CopyLeasesOptions>;

  constructor(options: CopyLeasesOptions) {
    this.#options = { pollMs: 500, lifeMs: LEASE_SECONDS * 1000, ...options };
  }

  /**
   * See `Leases` of the copy room. Without an API server there is no Lease, and the work is done all the same.
   * @param onWait called once, when somebody else has it @throws the signal's reason
   */
  async take(about: string, signal: AbortSignal, onWait: () => void): Promise<Granted> {
    const claim = new Claim(about, this.#options);
    let waited = false;
    while (!(await claim.isGranted())) {
      if (!waited) onWait();
      waited = true;
      await pause(this.#options.pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    return { waited, release: () => claim.end() };
  }
}

/** The version that somebody else's Lease has, and since when by our own clock: theirs may be wrong. */
interface Sighting {
  readonly version: string;
  readonly since: number;
}

/** One replica's wish for one Lease. */
class Claim {
  readonly #about: string;
  readonly #options: Required<CopyLeasesOptions>;
  #others: Sighting | undefined;
  #kept: KeptLease | undefined;

  constructor(about: string, options: Required<CopyLeasesOptions>) {
    this.#about = about;
    this.#options = options;
  }

  /** True as well where nobody can say so. */
  async isGranted(): Promise<boolean> {
    try {
      const version = await this.#take();
      if (version !== undefined) this.#keep(version);
      return version !== undefined;
    } catch (error) {
      this.#options.onFault(error);
      return true;
    }
  }

  async end(): Promise<void> {
    await this.#kept?.release();
  }

  /** @returns the version of what is ours now */
  async #take(): Promise<string | undefined> {
    const { store, lifeMs } = this.#options;
    const created = this.#others === undefined ? await store.create(this.#about) : undefined;
    if (created !== undefined) return created;
    this.#others = await this.#look();
    if (this.#others === undefined || performance.now() - this.#others.since < lifeMs) return undefined;
    return store.replace(this.#about, this.#others.version);
  }

  async #look(): Promise<Sighting | undefined> {
    const version = await this.#options.store.read(this.#about);
    if (version === undefined) return undefined;
    return version === this.#others?.version ? this.#others : { version, since: performance.now() };
  }

  #keep(version: string): void {
    const { store, onFault, lifeMs } = this.#options;
    const renewMs = lifeMs / RENEWALS_A_LIFE;
    this.#kept = new KeptLease({ store, about: this.#about, version, renewMs, onFault });
  }
}
