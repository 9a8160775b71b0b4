import { randomUUID } from 'node:crypto';
import type { Descriptor } from '../image/descriptor.ts';
import type { Channel } from './channel.ts';
import { ContainerdError } from './containerd-error.ts';
import type { ContentStore } from './content-store.ts';
import { ADD_TO_LEASE, CREATE_LEASE, DELETE_LEASE } from './method.ts';

/** When garbage collection ends a lease by itself: one that was left behind (containerd, `docs/garbage-collection.md`). */
const EXPIRES = 'containerd.io/gc.expire';
/** Longest wait for the end of a lease, in milliseconds: it ends by itself as well. */
const RELEASE_MS = 5_000;

export interface LeaseOptions {
  readonly channel: Channel;
  readonly store: ContentStore;
  /** What it keeps from garbage collection. */
  readonly parts: readonly Descriptor[];
  /** After which it ends if nobody releases it. */
  readonly seconds: number;
}

/** Keeps content from garbage collection, from the first use until it is released. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #id = `image-cloner-${randomUUID()}`;
  #taken: Promise<void> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Takes it if it is not taken yet. @throws ContainerdError `MISSING_CONTENT` when something went away before */
  async hold(signal: AbortSignal): Promise<void> {
    this.#taken ??= this.#take(signal);
    try {
      await this.#taken;
    } catch (error) {
      this.#taken = undefined;
      throw error;
    }
  }

  /** Never rejects. */
  async release(): Promise<void> {
    const taken = this.#taken;
    if (taken === undefined) return;
    this.#taken = undefined;
    await taken.then(() => this.#end()).catch(() => {});
  }

  async #take(signal: AbortSignal): Promise<void> {
    const { channel, parts, seconds } = this.#options;
    const id = this.#id;
    const labels = { [EXPIRES]: new Date(Date.now() + seconds * 1000).toISOString() };
    const call = { operation: 'hold an image in containerd', signal };
    await channel.call(CREATE_LEASE, { id, labels }, call);
    try {
      for (const { digest } of parts)
        await channel.call(ADD_TO_LEASE, { id, resource: { id: digest, type: 'content' } }, call);
      await this.#confirm(signal);
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  /** Only from now on nothing goes away. */
  async #confirm(signal: AbortSignal): Promise<void> {
    const { store, parts } = this.#options;
    const sizes = await Promise.all(parts.map(({ digest }) => store.size(digest, signal)));
    const missing = parts.filter((_, index) => sizes[index] === undefined).map(({ digest }) => digest);
    if (missing.length === 0) return;
    throw new ContainerdError(`${missing.join(', ')} went away`, {
      code: 'MISSING_CONTENT',
      operation: 'hold an image in containerd',
      missing,
    });
  }

  /** One that cannot be ended now ends by itself. */
  async #end(): Promise<void> {
    const call = {
      operation: 'let an image go in containerd',
      signal: AbortSignal.timeout(RELEASE_MS),
    };
    await this.#options.channel.call(DELETE_LEASE, { id: this.#id, sync: false }, call).catch(() => {});
  }
}
