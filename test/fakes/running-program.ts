import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import type { Surroundings } from '../../src/cli/command.ts';
import { run } from '../../src/cli/program.ts';
import type { Environment } from '../../src/config/process-environment.ts';

export type LogLine = Readonly<Record<string, unknown>>;

interface Given {
  readonly terminal?: Surroundings['terminal'];
  /** What it reads from standard input. */
  readonly input?: readonly string[] | undefined;
}

/** A command that runs inside the tests, with an environment of its own and nothing of the real process. */
export class RunningProgram {
  /** The exit code. */
  readonly ended: Promise<number>;
  /** Exit codes it was ended with at once. */
  readonly left: number[] = [];
  readonly #process = new EventEmitter();
  readonly #written = new EventEmitter();
  readonly #texts = { out: '', err: '', log: '' };

  constructor(args: readonly string[], environment: Environment, given: Given) {
    const { terminal, input } = given;
    this.ended = run(args, {
      out: (text) => this.#keep('out', text),
      err: (text) => this.#keep('err', text),
      log: { write: (text) => this.#keep('log', text) },
      process: this.#process,
      environment,
      ...(terminal !== undefined && { terminal }),
      ...(input !== undefined && { input: Readable.from(input) }),
      leave: (code) => void this.left.push(code),
    });
    // Whoever waits for a line has waited long enough.
    void this.ended.then(() => this.#written.emit('log'));
  }

  /** Results, so far. */
  get out(): string {
    return this.#texts.out;
  }

  /** Complaints, so far. */
  get err(): string {
    return this.#texts.err;
  }

  /** Log lines, so far. */
  get lines(): LogLine[] {
    const lines = this.#texts.log.split('\n').slice(0, -1);
    return lines.map((line): LogLine => JSON.parse(line));
  }

  /** Resolves with the first line that has this message; those of the past count. */
  async logged(message: string): Promise<LogLine> {
    const found = this.lines.find((line) => line['msg'] === message);
    if (found !== undefined) return found;
    const isOver = await Promise.race([
      this.ended.then(() => true),
      once(this.#written, 'log').then(() => false),
    ]);
    if (isOver) throw new Error(`Wanted the line "${message}", got ${this.#texts.log}${this.err}`);
    return this.logged(message);
  }

  signal(name: 'SIGINT' | 'SIGTERM'): void {
    this.#process.emit(name);
  }

  #keep(stream: 'err' | 'log' | 'out', text: string): void {
    this.#texts[stream] += text;
    this.#written.emit(stream);
  }
}

/** @param terminal what standard error is; default: no terminal */
export function start(
  args: readonly string[],
  environment: Environment = {},
  terminal?: Surroundings['terminal'],
  input?: readonly string[],
): RunningProgram {
  return new RunningProgram(args, environment, { terminal, input });
}
