import { dirname } from 'node:path';
import { Client } from 'undici';
import { type CommandOptions, type CommandResult, run } from './command.ts';
import { flagsOf } from './flag.ts';
import { programOf } from './part.ts';
import { Process, type ProcessOptions } from './process.ts';
import { WorkFolder } from './work-folder.ts';

/** Debian's own is 20.10; the part `dockerd-later` is 28, which holds images and runs none. */
type DockerVersion = '20.10' | '28';

export interface DockerEngineOptions {
  /** Default 20.10. */
  readonly version?: DockerVersion;
  /** Where images are kept. 20.10 has the classic store alone. Default `classic`. */
  readonly imageStore?: 'classic' | 'containerd';
  /** Oldest version of the API that it answers in (28 only). */
  readonly minApiVersion?: string;
  /** Hosts that it pushes to and pulls from by plain HTTP, beside those of the loopback network. */
  readonly plainHttpRegistries?: readonly string[];
}

/**
 * A dockerd of our own, with a containerd that it starts itself. It leaves the machine's network alone: no bridge, no
 * firewall rules, so builds and runs need `--network=host`.
 */
export class DockerEngine {
  readonly #folder: WorkFolder;
  #process: Process;

  private constructor(folder: WorkFolder, started: Process) {
    this.#folder = folder;
    this.#process = started;
  }

  /** Needs root. */
  static async start(options: DockerEngineOptions = {}): Promise<DockerEngine> {
    const folder = new WorkFolder('docker');
    return new DockerEngine(folder, await startProcess(folder, processOptions(folder, options)));
  }

  /** Stops it and keeps its images. A request under way is cut when it takes too long to end. */
  async halt(): Promise<void> {
    await this.#process.stop();
  }

  /** Starts it again, after `halt`. */
  async resume(): Promise<void> {
    this.#process = await startProcess(this.#folder, this.#process.options);
  }

  /** Path of the socket that the Docker Engine API is served on. */
  get socket(): string {
    return socketOf(this.#folder);
  }

  /** Runs the docker command to its end. Its exit code is for the caller to judge. */
  async docker(args: readonly string[], options?: CommandOptions): Promise<CommandResult> {
    return docker(this.#folder, args, options);
  }

  /** Stops it with its containers and removes all images. */
  async stop(): Promise<void> {
    await this.#process.stop();
    await this.#folder.remove();
  }
}

/** The settings of the user who runs the tests stay out of it. */
async function docker(
  folder: WorkFolder,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const environment = { DOCKER_HOST: `unix://${socketOf(folder)}`, DOCKER_CONFIG: folder.file('client') };
  return run(programOf('dockerd', 'docker'), args, {
    ...options,
    environment: { ...environment, ...options.environment },
  });
}

function socketOf(folder: WorkFolder): string {
  return folder.file('docker.sock');
}

function startProcess(folder: WorkFolder, options: ProcessOptions): Promise<Process> {
  return Process.start(options, () => answersPing(socketOf(folder)));
}

/** Not by the docker command, which is too old for a daemon that answers in new versions of the API alone. */
async function answersPing(socketPath: string): Promise<boolean> {
  const client = new Client('http://docker', { socketPath });
  try {
    const { statusCode, body } = await client.request({ path: '/_ping', method: 'GET' });
    await body.dump();
    return statusCode === 200;
  } finally {
    await client.destroy();
  }
}

function processOptions(folder: WorkFolder, options: DockerEngineOptions): ProcessOptions {
  const command = options.version === '28' ? programOf('dockerd-later') : programOf('dockerd');
  const { PATH: path = '' } = process.env;
  return {
    command,
    args: flags(folder, options),
    logFile: folder.logFile('dockerd'),
    environment: {
      // It looks for containerd, and containerd for its shim and runc, on the PATH. 28 wants a runc, of any version.
      PATH: [dirname(command), dirname(programOf('dockerd')), path].join(':'),
      ...(options.minApiVersion !== undefined && { DOCKER_MIN_API_VERSION: options.minApiVersion }),
    },
    // It leaves the network namespace of its containers mounted when it ends.
    mounts: [],
  };
}

function flags(folder: WorkFolder, options: DockerEngineOptions): readonly string[] {
  const { imageStore = 'classic', plainHttpRegistries = [] } = options;
  const settings = {
    'insecure-registries': plainHttpRegistries,
    ...(imageStore === 'containerd' && { features: { 'containerd-snapshotter': true } }),
  };
  return flagsOf({
    'config-file': folder.write('daemon.json', JSON.stringify(settings)),
    'data-root': folder.file('data'),
    'exec-root': folder.file('exec'),
    pidfile: folder.file('dockerd.pid'),
    host: `unix://${socketOf(folder)}`,
    bridge: 'none',
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'ip-masq': false,
    // Publishes ports of containers; 28 wants the path of a program for it.
    'userland-proxy': false,
  });
}
