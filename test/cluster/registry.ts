import { readFileSync, renameSync, rmSync } from 'node:fs';
import { type LoggedRequest, loggedRequests } from '../e2e/harness/access-log.ts';
import { output } from '../e2e/harness/command.ts';
import { statusOf } from '../e2e/harness/http-status.ts';
import { programOf } from '../e2e/harness/part.ts';
import { storageOf, writeConfiguration } from '../e2e/harness/registry-configuration.ts';
import { Daemon } from './daemon.ts';
import type { Folder } from './folder.ts';

export interface RegistryOptions {
  readonly name: string;
  readonly entry: readonly string[];
  readonly folder: Folder;
  /** `10.200.0.1:5000` */
  readonly host: string;
  /** Name and password of the one who may come in. Default: everybody may. */
  readonly user?: { readonly name: string; readonly password: string };
}

const READY: readonly number[] = [200, 401];

/** A registry that nodes, pods and this machine reach, by plain HTTP. */
export class Registry {
  readonly host: string;
  readonly #options: RegistryOptions;
  readonly #daemon: Daemon;

  constructor(options: RegistryOptions) {
    this.host = options.host;
    this.#options = options;
    this.#daemon = new Daemon({
      name: options.name,
      entry: options.entry,
      folder: options.folder.path,
      command: [programOf('docker-registry'), 'serve', options.folder.file('configuration.json')],
      isReady: async () => READY.includes(await statusOf(`${this.url}/v2/`)),
    });
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Value of the header, where it wants a password. */
  get authorization(): string | undefined {
    const { user } = this.#options;
    return user && `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
  }

  get logFile(): string {
    return this.#daemon.logFile;
  }

  async start(): Promise<void> {
    await this.#configure(this.#options.user);
    await this.#daemon.start();
  }

  stop(): Promise<void> {
    return this.#daemon.stop();
  }

  /** It accepts connections and says nothing, until `thaw`. */
  freeze(): Promise<void> {
    return this.#daemon.signal('STOP');
  }

  thaw(): Promise<void> {
    return this.#daemon.signal('CONT');
  }

  /** Takes nobody's password any more, until `start`. */
  async refuse(): Promise<void> {
    await this.stop();
    await this.#configure({ name: 'nobody', password: 'nothing' });
    await this.#daemon.start();
  }

  /** Gives it an empty disk of so many bytes, until `undoLimit`. */
  async limit(bytes: number): Promise<void> {
    await this.stop();
    await this.#run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', this.#storage);
    await this.#daemon.start();
  }

  async undoLimit(): Promise<void> {
    await this.stop();
    await this.#run('umount', this.#storage);
    await this.start();
  }

  /** Comes back with nothing in it, until `undoLoss`. */
  async loseStorage(): Promise<void> {
    await this.stop();
    renameSync(this.#storage, this.#lost);
    await this.start();
  }

  async undoLoss(): Promise<void> {
    await this.stop();
    rmSync(this.#storage, { recursive: true, force: true });
    renameSync(this.#lost, this.#storage);
    await this.start();
  }

  /** What it was asked so far. */
  requests(): readonly LoggedRequest[] {
    return loggedRequests(readFileSync(this.logFile, 'utf8'));
  }

  /** The digest that a name (`library/alpine:3.12`) stands for; undefined where it stands for nothing. */
  async digestOf(name: string): Promise<string | undefined> {
    const [, repository = '', tag = ''] = /^(.*)[:@]((?:sha256:)?[^:]+)$/.exec(name) ?? [];
    const { authorization } = this;
    const accept = [
      'oci.image.index.v1',
      'oci.image.manifest.v1',
      'docker.distribution.manifest.v2',
      'docker.distribution.manifest.list.v2',
    ];
    const answer = await fetch(`${this.url}/v2/${repository}/manifests/${tag}`, {
      method: 'HEAD',
      headers: {
        accept: accept.map((type) => `application/vnd.${type}+json`).join(', '),
        ...(authorization !== undefined && { authorization }),
      },
    });
    return answer.ok ? (answer.headers.get('docker-content-digest') ?? undefined) : undefined;
  }

  get #lost(): string {
    return this.#options.folder.file('lost');
  }

  get #storage(): string {
    return storageOf(this.#options.folder, {});
  }

  async #configure(user: RegistryOptions['user']): Promise<void> {
    const users = user === undefined ? {} : { users: { [user.name]: user.password } };
    await writeConfiguration(this.#options.folder, this.host, users);
  }

  async #run(...command: readonly string[]): Promise<void> {
    const [program = '', ...args] = [...this.#options.entry, ...command];
    await output(program, args);
  }
}
