import { dirname } from 'node:path';
import { type CommandOptions, type CommandResult, run } from './command.ts';
import { flagsOf } from './flag.ts';
import { programOf } from './part.ts';
import { Process } from './process.ts';
import { WorkFolder } from './work-folder.ts';

/**
 * A dockerd of our own, with a containerd that it starts itself. It leaves the machine's network alone: no bridge, no
 * firewall rules, so builds and runs need `--network=host`.
 */
export class DockerEngine {
  readonly #folder: WorkFolder;
  readonly #process: Process;

  private constructor(folder: WorkFolder, started: Process) {
    this.#folder = folder;
    this.#process = started;
  }

  /** Needs root. @param plainHttpRegistries hosts that it pushes to and pulls from by plain HTTP */
  static async start(plainHttpRegistries: readonly string[] = []): Promise<DockerEngine> {
    const folder = new WorkFolder('docker');
    const options = {
      command: programOf('dockerd'),
      args: flags(folder, plainHttpRegistries),
      logFile: folder.logFile('dockerd'),
      environment: programsFirst(),
      // It leaves the network namespace of its containers mounted when it ends.
      mounts: [],
    };
    const started = await Process.start(options, async () => (await docker(folder, ['version'])).code === 0);
    return new DockerEngine(folder, started);
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

function flags(folder: WorkFolder, plainHttpRegistries: readonly string[]): readonly string[] {
  const settings = { 'insecure-registries': plainHttpRegistries };
  return flagsOf({
    'config-file': folder.write('daemon.json', JSON.stringify(settings)),
    'data-root': folder.file('data'),
    'exec-root': folder.file('exec'),
    pidfile: folder.file('dockerd.pid'),
    host: `unix://${socketOf(folder)}`,
    bridge: 'none',
    iptables: false,
    'ip-forward': false,
    'ip-masq': false,
  });
}

/** dockerd looks for containerd, and containerd for its shim and runc, on the PATH. */
function programsFirst(): Record<string, string> {
  const { PATH: path = '' } = process.env;
  return { PATH: `${dirname(programOf('dockerd'))}:${path}` };
}
