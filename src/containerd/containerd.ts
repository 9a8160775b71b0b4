import type { Platform } from '../image/platform.ts';
import type { Reference } from '../image/reference.ts';
import type { Channel } from './channel.ts';
import type { Choice } from './choice.ts';
import { ContentStore } from './content-store.ts';
import type { Held, HeldImage, ObserveContainerd } from './held.ts';
import { ImageRecords } from './image-records.ts';
import { Inventory } from './inventory.ts';
import { Lease } from './lease.ts';
import { VERSION } from './method.ts';
import { KUBERNETES_NAMESPACE, pull } from './pull.ts';
import type { PullOptions } from './pull-options.ts';
import { StoreSource } from './store-source.ts';

/** How long content is held for one copy at most: the default of `copy.timeoutSeconds`. */
const LEASE_SECONDS = 3600;
/** Where Kubernetes' part of containerd 2 looks by default, and most installations of 1.x too. */
const HOSTS_DIR = '/etc/containerd/certs.d';

export interface ContainerdOptions {
  /** Path: `/run/containerd/containerd.sock`. */
  readonly socket: string;
  /** containerd keeps the images of each apart. Default: `k8s.io` */
  readonly namespace?: string | undefined;
  /** Longest time for one copy. Default: an hour */
  readonly leaseSeconds?: number | undefined;
  /**
   * Which images of an index `pull` fetches, asked for each: nodes come and go. A source with a digest is fetched whole,
   * and containerd 1.6 fetches its own alone. Default: all
   */
  readonly platforms?: (() => readonly Platform[]) | undefined;
  /** Folder of the daemon's `hosts.toml` files, as the daemon sees it. Default: `/etc/containerd/certs.d` */
  readonly hostsDir?: string | undefined;
  readonly observe?: ObserveContainerd | undefined;
}

/** A connection with what is asked through it. */
interface Connection {
  readonly channel: Channel;
  readonly store: ContentStore;
  readonly inventory: Inventory;
}

/**
 * The images that a containerd, 1.6 or newer, holds on this node. What speaks its protocol is loaded at the first
 * question, and the connection is made then; it is made again after the daemon was restarted.
 */
export class Containerd {
  readonly name = 'containerd';
  readonly #options: ContainerdOptions;
  #connection: Promise<Connection> | undefined;

  constructor(options: ContainerdOptions) {
    this.#options = options;
  }

  /** What it calls itself: `1.6.20~ds1`, `v2.1.9`. @throws ContainerdError */
  async version(signal: AbortSignal): Promise<string> {
    const { channel } = await this.#open();
    const call = { operation: 'ask containerd for its version', signal };
    return (await channel.call(VERSION, {}, call)).version;
  }

  /**
   * An image that is here as a whole, or of an index one image that is: then `partial` says so. A source with a digest
   * has just that one. Content is held from its first reading until `close`.
   * @returns undefined when it is not here, or nothing of it is whole, of which `observe` is told
   * @throws ContainerdError
   */
  async find(source: Reference, signal: AbortSignal): Promise<Held | undefined> {
    const connection = await this.#open();
    const finding = await connection.inventory.find(source, signal);
    if (finding?.why !== undefined) this.#options.observe?.({ type: 'incomplete', source, why: finding.why });
    return finding?.choice && this.#held(connection, source, finding.choice);
  }

  /** Every name of an image, with what is there of it. @throws ContainerdError */
  async list(signal: AbortSignal): Promise<readonly HeldImage[]> {
    const { inventory } = await this.#open();
    return inventory.list(signal);
  }

  /**
   * Has the daemon fetch an image with its own proxy, name servers and certificates; `find` then finds it.
   * @throws ContainerdError
   */
  async pull(source: Reference, options: PullOptions, signal: AbortSignal): Promise<void> {
    const { namespace = KUBERNETES_NAMESPACE, platforms, hostsDir = HOSTS_DIR } = this.#options;
    const wanted = source.digest === undefined ? platforms?.() : undefined;
    const { channel } = await this.#open();
    await pull({ channel, namespace, platforms: wanted ?? [], hostsDir }, source, options, signal);
  }

  /** Breaks off what runs. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then(({ channel }) => channel.close());
  }

  #held({ channel, store }: Connection, { tag }: Reference, { root, parts, partial }: Choice): Held {
    const seconds = this.#options.leaseSeconds ?? LEASE_SECONDS;
    const lease = new Lease({ channel, store, parts, seconds });
    const source = new StoreSource({ store, root, tag, parts, hold: (signal) => lease.hold(signal) });
    return {
      kind: 'content',
      digest: root.digest,
      source,
      faithful: true,
      ...(partial !== undefined && { partial }),
      close: () => lease.release(),
    };
  }

  #open(): Promise<Connection> {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  async #connect(): Promise<Connection> {
    const { socket, namespace = KUBERNETES_NAMESPACE } = this.#options;
    const { Channel: Opened } = await import('./channel.ts');
    const channel = await Opened.open({ socket, namespace });
    const store = new ContentStore(channel);
    return { channel, store, inventory: new Inventory(new ImageRecords(channel), store) };
  }
}
