import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { pushImage, repositoryAt } from '../images/push.ts';
import { controlPlane, kubeconfigFor, writeCredentials } from './control-plane.ts';
import type { Daemon } from './daemon.ts';
import { Folder } from './folder.ts';
import { makeRunnable, makeRunnableIndex, makeShellLayer } from './image.ts';
import { Machine, NODE_ADDRESS, removeControlGroups } from './machine.ts';
import { configureNameServer, nameServer } from './name-server.ts';
import { Node } from './node.ts';
import { Registry } from './registry.ts';

/** All that `make cluster` makes and `make cluster-down` takes away. */
const FOLDER = fileURLToPath(new URL('../../.cache/cluster', import.meta.url));

const State = z.object({ pid: z.number(), password: z.string() });
type State = z.infer<typeof State>;

/** Where a scenario may run a registry as a pod, on the node's own network. */
export const IN_CLUSTER_REGISTRY = `${NODE_ADDRESS}:5002`;

const PAUSE = 'tests/pause:1';

/** A cluster of one node on this machine, a "public" registry and a backup registry that wants a password. */
export class Cluster {
  readonly folder: Folder;
  readonly public: Registry;
  readonly backup: Registry;
  readonly node: Node;
  readonly password: string;
  readonly #machine: Machine;
  readonly #controlPlane: readonly Daemon[];

  private constructor(folder: Folder, { pid, password }: State) {
    const machine = new Machine(pid);
    const { entry } = machine;
    this.folder = folder;
    this.password = password;
    this.#machine = machine;
    this.public = new Registry({
      name: 'public-registry',
      entry,
      folder: new Folder(folder.file('public')),
      host: `${NODE_ADDRESS}:5000`,
    });
    this.backup = new Registry({
      name: 'backup-registry',
      entry,
      folder: new Folder(folder.file('backup')),
      host: `${NODE_ADDRESS}:5001`,
      user: { name: 'backup', password },
    });
    this.#controlPlane = [...controlPlane(entry, folder), nameServer(entry, folder)];
    this.node = new Node({
      entry,
      folder,
      registries: [...[this.public, this.backup].map(registryForNode), { host: IN_CLUSTER_REGISTRY }],
      sandboxImage: `${this.public.host}/${PAUSE}`,
    });
  }

  /** Path of a kubeconfig file for a member of `system:masters`. */
  get kubeconfig(): string {
    return kubeconfigFor(this.folder, 'admin');
  }

  get logFiles(): readonly string[] {
    const daemons = [...this.#controlPlane, this.public, this.backup];
    return [...daemons.map(({ logFile }) => logFile), ...this.node.logFiles];
  }

  /** The cluster that runs; undefined where none does. */
  static find(): Cluster | undefined {
    if (!existsSync(`${FOLDER}/state.json`)) return undefined;
    const state = State.parse(JSON.parse(readFileSync(`${FOLDER}/state.json`, 'utf8')));
    const cluster = new Cluster(new Folder(FOLDER), state);
    return cluster.#machine.isThere() ? cluster : undefined;
  }

  /** What a cluster leaves when the command that ended it was ended itself. */
  static async removeRemains(): Promise<void> {
    await removeControlGroups();
    rmSync(FOLDER, { recursive: true, force: true });
  }

  /** Starts one, and waits until its node is ready. Needs root. */
  static async up(): Promise<Cluster> {
    rmSync(FOLDER, { recursive: true, force: true });
    const folder = new Folder(FOLDER);
    const machine = await Machine.create(FOLDER);
    const state: State = { pid: machine.pid, password: randomUUID() };
    folder.write('state.json', JSON.stringify(state));
    const cluster = new Cluster(folder, state);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await machine.destroy();
      throw error;
    }
  }

  /** Ends all of it and removes its files. */
  async down(): Promise<void> {
    await this.#machine.destroy();
    await Cluster.removeRemains();
  }

  async #start(): Promise<void> {
    await writeCredentials(this.folder);
    configureNameServer(this.folder);
    await Promise.all([this.public.start(), this.backup.start()]);
    await this.#publish();
    for (const part of this.#controlPlane) await part.start();
    await this.node.start();
  }

  async #publish(): Promise<void> {
    const shell = await makeShellLayer('alpine');
    await pushImage(repositoryAt(this.public.url, 'tests/pause'), await makeRunnable(shell), '1');
    await pushImage(repositoryAt(this.public.url, 'library/alpine'), await makeRunnableIndex(shell), '3.12');
  }
}

function registryForNode({ host, authorization }: Registry) {
  return { host, ...(authorization !== undefined && { authorization }) };
}
