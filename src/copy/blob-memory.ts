import type { Digest } from '../image/digest.ts';
import { BoundedMap } from './bounded-map.ts';

/** Where a repository is: its registry's host and its path there. */
export interface Place {
  readonly host: string;
  readonly path: string;
}

/** A blob that is known to be in a repository, or on its way into it. */
interface Holder {
  readonly path: string;
  readonly arrived: Promise<unknown>;
}

/** Entries kept: about 20 MB at the most, more layers than a large cluster has. */
const MOST_ENTRIES = 50_000;

/**
 * Remembers which repository of a registry holds a blob, so that the same base layer is sent once and mounted from
 * there for every other image. Only ever a hint: the registry is asked for the mount and may say no.
 */
export class BlobMemory {
  readonly #holders = new BoundedMap<string, Holder>(MOST_ENTRIES);

  /**
   * The repository that a blob can be mounted from, once it has arrived there.
   * @returns undefined when none is known (said at once, so that nobody else can begin in between); a promise of
   *   undefined when it did not arrive
   */
  holderOf({ host }: Place, digest: Digest): Promise<string | undefined> | undefined {
    const holder = this.#holders.get(`${host} ${digest}`);
    return holder?.arrived.then(
      () => holder.path,
      () => undefined,
    );
  }

  /** Says that a blob is on its way; the hint is dropped when it does not arrive. */
  announce({ host, path }: Place, digest: Digest, arrived: Promise<unknown>): void {
    const key = `${host} ${digest}`;
    const holder = { path, arrived };
    this.#holders.set(key, holder);
    arrived.catch(() => this.#forget(key, holder));
  }

  #forget(key: string, holder: Holder): void {
    if (this.#holders.get(key) === holder) this.#holders.delete(key);
  }
}
