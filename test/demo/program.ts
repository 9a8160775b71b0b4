import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { statusOf } from '../e2e/harness/http-status.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Only for what hangs: a slow machine needs a few seconds for a start. */
const START_MS = 120_000;
const PROBE_EVERY_MS = 50;

export interface ProgramOptions {
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Answers 200 once the program serves. */
  readonly probe: string;
  readonly onLine?: (line: string) => void;
}

/** `image-cloner` as a process of its own. */
export class Program {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start({ args, environment, probe, onLine }: ProgramOptions): Promise<Program> {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface(child.stdout).on('line', onLine ?? (() => undefined));
    const program = new Program(child);
    await program.#untilReady(probe);
    return program;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  async #untilReady(probe: string): Promise<void> {
    const deadline = Date.now() + START_MS;
    while ((await statusOf(probe).catch(() => 0)) !== 200) {
      if (this.#child.exitCode !== null)
        throw new Error(`Cannot start image-cloner: it ended with code ${this.#child.exitCode}`);
      if (Date.now() > deadline) throw new Error(`Cannot start image-cloner: it does not answer at ${probe}`);
      await delay(PROBE_EVERY_MS);
    }
  }
}
