import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

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
  /** Sent to it when this resolves. Default: none */
  readonly signal?: Promise<NodeJS.Signals>;
}

/** A command that had to work ended with another code than 0. */
export class CommandError extends Error {
  readonly code = 'COMMAND_FAILED';

  constructor(command: string, args: readonly string[], { code, stdout, stderr }: CommandResult) {
    super(`Cannot run "${[command, ...args].join(' ')}": wanted code 0, got ${code}: ${stderr}${stdout}`);
    this.name = 'CommandError';
  }
}

/** Runs a command to its end. Rejects only when it cannot be started. */
export async function run(
  command: string,
  args: readonly string[],
  { input = '', environment, directory, signal }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, { cwd: directory, env: { ...process.env, ...environment } });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  void signal?.then((name) => child.kill(name));
  // A command need not read its input to the end; what counts is how it ends.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
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
