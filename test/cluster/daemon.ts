import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../e2e/harness/command.ts';

export interface DaemonOptions {
  readonly name: string;
  /** The beginning of a command line that runs elsewhere (`Machine.entry`); empty: here. */
  readonly entry: readonly string[];
  readonly command: readonly string[];
  /** For its log and the number of its process. */
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it serves already. Throws or answers false as long as it does not. */
  readonly isReady: () => Promise<boolean>;
}

/** A part of the cluster did not start. The message ends with the end of its log. */
export class DaemonError extends Error {
  readonly code = 'DAEMON_NOT_STARTED';
}

/** Only for what hangs: on two busy cores none needed half a minute. */
const START_MS = 300_000;
const STOP_MS = 60_000;
const PROBE_EVERY_MS = 100;
const LOG_TAIL = 3_000;

/**
 * Leaves it to the first process of its namespace: nobody else would notice that it was stopped or has ended. Process
 * number and start time together name one process for ever.
 */
const SCRIPT = '"$@" & echo "$! $(cut -d" " -f22 /proc/$!/stat)" >"$0"';

/** A server that outlives the command that starts it. Whoever has the same options can stop it. */
export class Daemon {
  readonly #options: DaemonOptions;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  get logFile(): string {
    return `${this.#options.folder}/${this.#options.name}.log`;
  }

  get #pidFile(): string {
    return `${this.#options.folder}/${this.#options.name}.pid`;
  }

  /** Starts it, unless it runs. @throws DaemonError */
  async start(): Promise<void> {
    if (await this.isRunning()) return;
    rmSync(this.#pidFile, { force: true });
    await this.#spawn();
    const deadline = Date.now() + START_MS;
    while (!(await this.#options.isReady().catch(() => false))) {
      if (!(await this.isRunning())) throw this.#error('it ended');
      if (Date.now() > deadline) throw this.#error(`it was not ready after ${START_MS} ms`);
      await delay(PROBE_EVERY_MS);
    }
  }

  /** Asks it to end, and ends it when it does not. Resolves when it is gone. */
  async stop(): Promise<void> {
    const killAt = Date.now() + STOP_MS;
    await this.signal('TERM');
    while (await this.isRunning()) {
      if (Date.now() > killAt) await this.signal('KILL');
      await delay(PROBE_EVERY_MS);
    }
  }

  async signal(name: 'TERM' | 'KILL' | 'STOP' | 'CONT'): Promise<void> {
    const pid = await this.#pid();
    if (pid !== undefined) await this.#run('kill', `-${name}`, pid);
  }

  async isRunning(): Promise<boolean> {
    return (await this.#pid()) !== undefined;
  }

  async #pid(): Promise<string | undefined> {
    if (!existsSync(this.#pidFile)) return undefined;
    const [pid = '', since] = readFileSync(this.#pidFile, 'utf8').trim().split(' ');
    const { stdout } = await this.#run('cut', '-d', ' ', '-f3,22', `/proc/${pid}/stat`);
    // One that ended may wait for its parent to take note (state Z).
    return /^[^Z] (?<since>\d+)$/.exec(stdout.trim())?.groups?.['since'] === since ? pid : undefined;
  }

  #run(...command: readonly string[]) {
    const [program = '', ...args] = [...this.#options.entry, ...command];
    return run(program, args);
  }

  async #spawn(): Promise<void> {
    const { entry, command, environment } = this.#options;
    const [program = '', ...args] = [...entry, 'sh', '-c', SCRIPT, this.#pidFile, ...command];
    const log = openSync(this.logFile, 'a');
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    });
    closeSync(log);
    await once(child, 'exit');
  }

  #error(why: string): DaemonError {
    const log = existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').slice(-LOG_TAIL) : '';
    return new DaemonError(`Cannot start "${this.#options.name}": ${why}; its log ends:\n${log}`);
  }
}
