import type { Digest } from '../image/digest.ts';
import { BoundedMap } from './bounded-map.ts';

/** Where a repository is: its registry's host and its path there. */
export interface Place {
  readonly host: string;
  readonly path: string;
  /**
   * Those who may have the blobs of this place. Default: everybody. A manifest names blobs by digest, and who makes one
   * up would otherwise be given blobs of which he knows only that.
   */
  readonly circles?: readonly string[];
}

/** A blob that is known to be in a repository, or on its way into it. */
export interface Holder {
  readonly path: string;
  /** The path, once the blob is there; undefined when it did not arrive. */
  readonly arrived: Promise<string | undefined>;
}

/** Entries kept: about 20 MB at the most, more layers than a large cluster has. */
const MOST_ENTRIES = 50_000;

/**
 * Remembers which repository of a registry holds a blob, so that the same base layer is sent once and mounted from
 * there for every other image. Only ever a hint: the registry is asked for the mount and may say no.
 */
export class BlobMemory {
  readonly #holders = new BoundedMap<string, Holder>(MOST_ENTRIES);

  /** The repository that a blob can be mounted from, now or once it has arrived there. */
  holderOf({ host, circles = [] }: Place, digest: Digest): Holder | undefined {
    for (const circle of [EVERYBODY, ...circles]) {
      const holder = this.#holders.get(keyOf(host, circle, digest));
      if (holder !== undefined) return holder;
    }
    return undefined;
  }

  /** Says that a blob is on its way; the hint is dropped when it does not arrive. */
  announce({ host, path, circles = [EVERYBODY] }: Place, digest: Digest, sending: Promise<unknown>): void {
    const keys = circles.map((circle) => keyOf(host, circle, digest));
    const arrived = sending.then(
      () => path,
      () => {
        for (const key of keys) if (this.#holders.get(key) === holder) this.#holders.delete(key);
        return undefined;
      },
    );
    const holder: Holder = { path, arrived };
    for (const key of keys) this.#holders.set(key, holder);
  }
}

/** The one circle without a name. */
const EVERYBODY = '';

function keyOf(host: string, circle: string, digest: Digest): string {
  return `${host} ${circle} ${digest}`;
}
