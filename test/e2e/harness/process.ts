import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Mount, withMounts } from './mount.ts';

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Gets both outputs; what is there already is kept. */
  readonly logFile: string;
  /** Added to the environment of the tests. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Gives it a mount namespace of its own, which starts with these. Default: it shares the machine's. */
  readonly mounts?: readonly Mount[];
}

/** Whether a part serves already. Throws or answers false as long as it does not. */
export type Probe = () => Promise<boolean>;

/** A part did not start. The message ends with the end of its log. */
export class StartError extends Error {
  readonly code = 'PART_NOT_STARTED';

  constructor(failed: Process, why: string) {
    super(
      `Cannot start "${failed.options.command}": ${why}; its log ends:\n${failed.log().slice(-LOG_TAIL)}`,
    );
    this.name = 'StartError';
  }
}

/** Only for what hangs. An API server with etcd on two busy cores took 15 s at most. */
const START_MS = 300_000;
/** Twice what Kubernetes gives a pod by default (terminationGracePeriodSeconds: 30); no part here needed 5 s. */
const STOP_MS = 60_000;
const PROBE_EVERY_MS = 50;
const LOG_TAIL = 4_000;

/** A server that runs beside the tests, and never longer than they do. */
export class Process {
  readonly options: ProcessOptions;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  /** How it ended; undefined as long as it runs. */
  #end: string | undefined;

  private constructor(options: ProcessOptions) {
    this.options = options;
    this.#child = spawnLogged(options);
    this.#ended = this.#watch();
  }

  /** Resolves when `isReady` says so. @throws StartError when the process ends before, or takes too long */
  static async start(options: ProcessOptions, isReady: Probe): Promise<Process> {
    const started = new Process(options);
    try {
      await started.#untilReady(isReady);
      return started;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** All that it wrote so far, and what was in the file before. */
  log(): string {
    return readFileSync(this.options.logFile, 'utf8');
  }

  /** Asks it to end, and ends it when it does not. Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#end === undefined) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #watch(): Promise<void> {
    return new Promise((resolve) => {
      const end = (how: string): void => {
        this.#end = how;
        resolve();
      };
      this.#child.once('exit', (code, signal) => end(`it ended with ${signal ?? `code ${code}`}`));
      this.#child.once('error', (error) => end(error.message));
    });
  }

  async #untilReady(isReady: Probe): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (!(await isReady().catch(() => false))) {
      if (this.#end !== undefined) throw new StartError(this, this.#end);
      if (Date.now() > deadline) throw new StartError(this, `it was not ready after ${START_MS} ms`);
      await delay(PROBE_EVERY_MS);
    }
  }
}

/** The kernel sends the signal when the tests end in whatever way, so that no server outlives a run that was killed. */
const DIES_WITH_US = ['setpriv', '--pdeathsig', 'TERM', '--'];

function spawnLogged({ command, args, logFile, environment, mounts }: ProcessOptions): ChildProcess {
  const bound = [...DIES_WITH_US, command, ...args];
  const [program = command, ...rest] = mounts === undefined ? bound : withMounts(bound, mounts);
  const log = openSync(logFile, 'a');
  try {
    return spawn(program, rest, { stdio: ['ignore', log, log], env: { ...process.env, ...environment } });
  } finally {
    closeSync(log);
  }
}
