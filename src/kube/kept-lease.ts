import type { LeaseStore } from './lease-store.ts';

export interface KeptLeaseOptions {
  readonly store: LeaseStore;
  readonly about: string;
  /** The version that was taken. */
  readonly version: string;
  readonly renewMs: number;
  readonly onFault: (error: unknown) => void;
}

/** A Lease of ours, renewed until it is released. One that was lost is let go: the work goes on, at worst beside another's. */
export class KeptLease {
  readonly #options: KeptLeaseOptions;
  readonly #timer: NodeJS.Timeout;
  #version: string | undefined;
  #renewal: Promise<void> = Promise.resolve();

  constructor(options: KeptLeaseOptions) {
    this.#options = options;
    this.#version = options.version;
    this.#timer = setInterval(() => {
      this.#renewal = this.#renewal.then(() => this.#renew());
    }, options.renewMs).unref();
  }

  /** Never rejects. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
    const { store, about, onFault } = this.#options;
    if (this.#version !== undefined) await store.delete(about, this.#version).catch(onFault);
  }

  /** After a fault the next time may be better; who has taken it over keeps it. */
  async #renew(): Promise<void> {
    if (this.#version === undefined) return;
    const { store, about, onFault } = this.#options;
    try {
      this.#version = await store.replace(about, this.#version);
    } catch (error) {
      onFault(error);
    }
  }
}
