import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, type CommandResult, run } from './command.ts';
import { programOf } from './part.ts';
import { Process, type ProcessOptions } from './process.ts';
import { WorkFolder } from './work-folder.ts';

/** Debian's 1.6 comes with dockerd; the part `containerd` is version 2. */
export type ContainerdVersion = '1.6' | '2';

export interface ContainerdOptions {
  /** With Kubernetes' part of it, which pulls images. Default: without, it wants a network for pods */
  readonly kubernetes?: boolean;
}

/** A containerd of our own: nothing of it is outside its folder. It pulls and unpacks; it runs no containers. */
export class Containerd {
  readonly #folder: WorkFolder;
  readonly #options: ProcessOptions;
  #process: Process;

  private constructor(folder: WorkFolder, started: Process) {
    this.#folder = folder;
    this.#options = started.options;
    this.#process = started;
  }

  /** Needs root. */
  static async start(version: ContainerdVersion, options: ContainerdOptions = {}): Promise<Containerd> {
    const folder = new WorkFolder('containerd');
    const started = await startProcess(folder, {
      command:
        version === '1.6' ? programOf('dockerd', 'containerd') : programOf('containerd', 'node/containerd'),
      args: ['--config', folder.write('config.toml', configuration(folder, version, options))],
      logFile: folder.logFile('containerd'),
      // Snapshots are mounted while a layer is unpacked.
      mounts: [],
    });
    return new Containerd(folder, started);
  }

  /** Path of its socket. */
  get socket(): string {
    return socketOf(this.#folder);
  }

  /** Folder of its `hosts.toml` files. */
  get hostsDir(): string {
    return hostsDirOf(this.#folder);
  }

  /** Tells it that a registry, whose name nobody else knows, is to be found at a URL. */
  findRegistryAt(host: string, url: string): void {
    const folder = join(this.hostsDir, host);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'hosts.toml'), `server = "${url}"\n[host."${url}"]\n`);
  }

  log(): string {
    return this.#process.log();
  }

  /** Runs ctr on the images of Kubernetes. @returns its output @throws CommandError */
  async images(...args: readonly string[]): Promise<string> {
    const all = ['--namespace', 'k8s.io', ...args];
    const result = await this.ctr(...all);
    if (result.code !== 0) throw new CommandError('ctr', all, result);
    return result.stdout;
  }

  /** Gives an image with a tag the further names that it has from Kubernetes' part: its digest, and that of its config. */
  async nameAsKubernetes(
    name: string,
    { digest, config }: { digest: string; config: string },
  ): Promise<void> {
    const repository = name.slice(0, name.lastIndexOf(':'));
    // Images of tests share what they are made of.
    const options = ['--local', '--force', '--skip-reference-check'];
    await this.images('images', 'tag', ...options, name, `${repository}@${digest}`, config);
  }

  /** Runs ctr to its end. Its exit code is for the caller to judge. */
  async ctr(...args: readonly string[]): Promise<CommandResult> {
    return ctr(this.#folder, args);
  }

  /** Ends it; its images stay for `resume`. */
  async pause(): Promise<void> {
    await this.#process.stop();
  }

  async resume(): Promise<void> {
    this.#process = await startProcess(this.#folder, this.#options);
  }

  /** Stops it and removes all images. */
  async stop(): Promise<void> {
    await this.#process.stop();
    await this.#folder.remove();
  }
}

function startProcess(folder: WorkFolder, options: ProcessOptions): Promise<Process> {
  return Process.start(options, async () => (await ctr(folder, ['version'])).code === 0);
}

function socketOf(folder: WorkFolder): string {
  return folder.file('containerd.sock');
}

function hostsDirOf(folder: WorkFolder): string {
  return folder.file('certs.d');
}

/** The one of version 2 speaks to older servers too, as long as it does the work itself (`--local`). */
function ctr(folder: WorkFolder, args: readonly string[]): Promise<CommandResult> {
  return run(programOf('containerd', 'node/ctr'), ['--address', socketOf(folder), ...args]);
}

/** Of version 2 the parts that run containers are never wanted. */
const KUBERNETES_PLUGINS = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.runtime',
  'io.containerd.cri.v1.images',
];

function configuration(
  folder: WorkFolder,
  version: ContainerdVersion,
  { kubernetes = false }: ContainerdOptions,
): string {
  return [
    `version = ${version === '1.6' ? 2 : 3}`,
    `root = "${folder.file('root')}"`,
    `state = "${folder.file('state')}"`,
    `disabled_plugins = ${JSON.stringify(kubernetes ? [] : KUBERNETES_PLUGINS)}`,
    '[grpc]',
    `  address = "${socketOf(folder)}"`,
    '[ttrpc]',
    `  address = "${socketOf(folder)}.ttrpc"`,
    ...(kubernetes ? kubernetesSection(folder) : []),
    '',
  ].join('\n');
}

/** Its network is looked for in an empty folder: it does without until a pod is started. */
function kubernetesSection(folder: WorkFolder): readonly string[] {
  return [
    '[plugins."io.containerd.grpc.v1.cri"]',
    '  stream_server_port = "0"',
    '[plugins."io.containerd.grpc.v1.cri".cni]',
    `  conf_dir = "${folder.file('cni')}"`,
    '[plugins."io.containerd.grpc.v1.cri".containerd]',
    '  snapshotter = "native"',
    '[plugins."io.containerd.grpc.v1.cri".registry]',
    `  config_path = "${hostsDirOf(folder)}"`,
  ];
}
