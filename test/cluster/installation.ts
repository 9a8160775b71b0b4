import { spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeBaseImage } from '../e2e/harness/base-image.ts';
import { CommandError, type CommandResult, run } from '../e2e/harness/command.ts';
import { DockerEngine } from '../e2e/harness/docker-engine.ts';
import { partsFolder, programOf } from '../e2e/harness/part.ts';
import { installCommands } from './readme.ts';
import type { Site } from './site.ts';

const THIS_CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
/** What a fresh clone has not, and what is made by `make gen`. */
const LEFT_OUT = /^(node_modules|\.git|\.cache|coverage|tls\/out|deploy\/image-cloner-(tls|webhook)\.yaml)$/;
const BUILD_COMMANDS = /^(make build|docker push) .*\n/gm;

/** image-cloner in a cluster, installed by the README's own commands, in a checkout of its own. */
export class Installation {
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  /** Installs it, unless it is. */
  async install(): Promise<void> {
    const { code } = await this.shell('kubectl get --namespace image-cloner deployment/image-cloner');
    if (code !== 0) await this.#install();
  }

  /** Runs commands as a user pastes them, in the checkout; ends what they left in the background. */
  async shell(commands: string, environment: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
    const script = `set -eu\ntrap 'jobs -p | xargs -r kill' EXIT\n${commands}`;
    return run('bash', ['-c', script], {
      directory: this.#checkout(),
      environment: { ...this.#environment(), ...environment },
    });
  }

  /** As `shell`, of commands that have to work. @returns what they wrote @throws CommandError */
  async done(commands: string, environment?: Readonly<Record<string, string>>): Promise<string> {
    const result = await this.shell(commands, environment);
    if (result.code !== 0) throw new CommandError('bash', [commands], result);
    return result.stdout;
  }

  /** Runs a command that has no end until what it wrote is enough. @returns what it wrote by then */
  async watch(command: string, isEnough: (text: string) => boolean): Promise<string> {
    const child = spawn('bash', ['-c', `exec ${command}`], {
      cwd: this.#checkout(),
      env: { ...process.env, ...this.#environment() },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    try {
      for await (const piece of child.stdout) {
        text += String(piece);
        if (isEnough(text)) return text;
      }
      throw new Error(`Cannot watch "${command}": it ended and had written only: ${text}`);
    } finally {
      child.kill();
    }
  }

  /** The image is built once for a cluster; it outlives `make undeploy`. */
  async #install(): Promise<void> {
    const { install } = installCommands(this.#site);
    if ((await this.#site.backup.digestOf('tools/image-cloner:0.1.0')) === undefined)
      await this.#withDocker(install);
    else await this.done(install.replace(BUILD_COMMANDS, ''));
  }

  async #withDocker(commands: string): Promise<void> {
    const engine = await DockerEngine.start({ plainHttpRegistries: [this.#site.backup.host] });
    try {
      const base = await makeBaseImage(engine);
      await this.done(commands, {
        DOCKER_HOST: `unix://${engine.socket}`,
        DOCKER_CONFIG: dirname(this.#loggedIn()),
        // The public base image and the network of a machine are not part of what is tested.
        BASE: base,
        BUILD_OPTIONS: '--network=host',
      });
    } finally {
      await engine.stop();
    }
  }

  /** What `docker login` writes. */
  #loggedIn(): string {
    const auth = Buffer.from(`backup:${this.#site.password}`).toString('base64');
    return this.#site.folder.write(
      'docker/config.json',
      JSON.stringify({ auths: { [this.#site.backup.host]: { auth } } }),
    );
  }

  #environment(): Record<string, string> {
    const { PATH: path = '' } = process.env;
    return {
      KUBECONFIG: this.#site.kubeconfig,
      KUBECACHEDIR: this.#site.folder.file('kubectl'),
      PASSWORD: this.#site.password,
      // How long `make deploy` and its likes wait: only what hangs is to be ended.
      TIMEOUT: '600s',
      PATH: [dirname(programOf('kubectl')), partsFolder(), path].join(':'),
      // A make above the tests hands its own variables down.
      MAKEFLAGS: '',
      MAKELEVEL: '',
    };
  }

  #checkout(): string {
    const checkout = this.#site.folder.file('checkout');
    if (existsSync(checkout)) return checkout;
    for (const name of readdirSync(THIS_CHECKOUT).filter((entry) => !LEFT_OUT.test(entry)))
      cpSync(join(THIS_CHECKOUT, name), join(checkout, name), {
        recursive: true,
        preserveTimestamps: true,
        filter: (source) => !LEFT_OUT.test(relative(THIS_CHECKOUT, source)),
      });
    symlinkSync(join(THIS_CHECKOUT, 'node_modules'), join(checkout, 'node_modules'));
    return checkout;
  }
}
