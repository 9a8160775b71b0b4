import { type CommandResult, run } from './command.ts';
import { programOf } from './part.ts';
import { Process } from './process.ts';
import { WorkFolder } from './work-folder.ts';

/** Debian's 1.6 comes with dockerd; the part `containerd` is version 2. */
export type ContainerdVersion = '1.6' | '2';

/** A containerd of our own: nothing of it is outside its folder. It pulls and unpacks; it runs no containers. */
export class Containerd {
  readonly #folder: WorkFolder;
  readonly #process: Process;

  private constructor(folder: WorkFolder, started: Process) {
    this.#folder = folder;
    this.#process = started;
  }

  /** Needs root. */
  static async start(version: ContainerdVersion): Promise<Containerd> {
    const folder = new WorkFolder('containerd');
    const options = {
      command:
        version === '1.6' ? programOf('dockerd', 'containerd') : programOf('containerd', 'node/containerd'),
      args: ['--config', folder.write('config.toml', configuration(folder, version))],
      logFile: folder.logFile('containerd'),
      // Snapshots are mounted while a layer is unpacked.
      mounts: [],
    };
    const started = await Process.start(options, async () => (await ctr(folder, ['version'])).code === 0);
    return new Containerd(folder, started);
  }

  /** Runs ctr to its end. Its exit code is for the caller to judge. */
  async ctr(...args: readonly string[]): Promise<CommandResult> {
    return ctr(this.#folder, args);
  }

  /** Stops it and removes all images. */
  async stop(): Promise<void> {
    await this.#process.stop();
    await this.#folder.remove();
  }
}

/** The one of version 2 speaks to older servers too, as long as it does the work itself (`--local`). */
function ctr(folder: WorkFolder, args: readonly string[]): Promise<CommandResult> {
  return run(programOf('containerd', 'node/ctr'), ['--address', folder.file('containerd.sock'), ...args]);
}

function configuration(folder: WorkFolder, version: ContainerdVersion): string {
  return [
    `version = ${version === '1.6' ? 2 : 3}`,
    `root = "${folder.file('root')}"`,
    `state = "${folder.file('state')}"`,
    // Wants a network for pods.
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images"]',
    '[grpc]',
    `  address = "${folder.file('containerd.sock')}"`,
    '[ttrpc]',
    `  address = "${folder.file('containerd.sock.ttrpc')}"`,
    '',
  ].join('\n');
}
