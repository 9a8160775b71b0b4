import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';

/** What a command did. `code` is null when a signal ended it. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to its standard input. */
  readonly input?: string;
  /** Added to the environment of the tests. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: the folder of the tests. */
  readonly directory?: string;
}

/** A command that had to work ended with another code than 0. */
export class CommandError extends Error {
  readonly code = 'COMMAND_FAILED';

  constructor(command: string, args: readonly string[], { code, stdout, stderr }: CommandResult) {
    super(`Cannot run "${[command, ...args].join(' ')}": wanted code 0, got ${code}: ${stderr}${stdout}`);
    this.name = 'CommandError';
  }
}

/** A command on its way, which can be listened to and interrupted. */
export class RunningCommand {
  /** Rejects only when it cannot be started. */
  readonly ended: Promise<CommandResult>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #news = new EventEmitter();
  readonly #texts = { stdout: '', stderr: '' };

  constructor(
    command: string,
    args: readonly string[],
    { input = '', environment, directory }: CommandOptions = {},
  ) {
    this.#child = spawn(command, args, { cwd: directory, env: { ...process.env, ...environment } });
    this.ended = this.#end();
    for (const stream of ['stdout', 'stderr'] as const)
      this.#child[stream].setEncoding('utf8').on('data', (text: string) => this.#keep(stream, text));
    // A command need not read its input to the end; what counts is how it ends.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdin.end(input);
  }

  /** Resolves once it has written this to its standard error, or has ended without. What it wrote before counts. */
  async told(text: string): Promise<void> {
    const over = this.ended.then(() => true);
    while (!this.#texts.stderr.includes(text))
      if (await Promise.race([over, once(this.#news, 'stderr').then(() => false)])) return;
  }

  /** Does nothing when it has ended. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Both outputs are read to their ends. */
  #end(): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code) => resolve({ code, ...this.#texts }));
    });
  }

  #keep(stream: 'stderr' | 'stdout', text: string): void {
    this.#texts[stream] += text;
    this.#news.emit(stream);
  }
}

/** Runs a command to its end. Rejects only when it cannot be started. */
export function run(
  command: string,
  args: readonly string[],
  options?: CommandOptions,
): Promise<CommandResult> {
  return new RunningCommand(command, args, options).ended;
}

/** Runs a command that has to work. @returns its standard output @throws CommandError */
export async function output(
  command: string,
  args: readonly string[],
  options?: CommandOptions,
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code !== 0) throw new CommandError(command, args, result);
  return result.stdout;
}
