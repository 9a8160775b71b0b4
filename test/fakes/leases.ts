import type { Lease, Leases } from '../../src/copy/lease.ts';

/** Leases for several copiers in one process: who comes later waits until the lease before his is released. */
export class FakeLeases implements Leases {
  readonly #last = new Map<string, Promise<void>>();

  async take(name: string, _signal: AbortSignal, onWait: () => void): Promise<Lease> {
    const before = this.#last.get(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(name, promise);
    if (before !== undefined) onWait();
    await before;
    return { waited: before !== undefined, release: async () => resolve() };
  }
}
