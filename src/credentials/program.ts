import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { addAbortSignal, Readable } from 'node:stream';
import { CredentialError } from './credential-error.ts';

/** Variables by name. Handed in by the composition, which alone reads the process's own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A program to be asked for credentials. No shell is involved. */
export interface Program {
  /** A path, or a name to be found on the environment's `PATH`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly timeoutMs: number;
}

export interface ProgramResult {
  /** Exit status; 0 is success. */
  readonly status: number;
  readonly output: string;
}

/** More than any credential; a program that writes more is stopped. The same as the largest Secret. */
const LARGEST_OUTPUT = 1024 * 1024;

/**
 * Runs a program that reads `input` and writes an answer. What it has to say to people it says on standard error, which
 * is ours, as with Docker: it never gets into an error, because nobody knows what a program puts there.
 * @throws CredentialError when it cannot be started, is killed, takes too long or writes too much
 */
export async function runProgram(program: Program, input: string): Promise<ProgramResult> {
  const signal = AbortSignal.timeout(program.timeoutMs);
  const child = start(program);
  send(child, input);
  try {
    return await resultOf(child, program, signal);
  } catch (cause) {
    stop(child);
    throw faultOf(cause, program, signal);
  }
}

function start({ file, args, environment }: Program): ChildProcess {
  try {
    const child = spawn(file, [...args], {
      env: environment,
      stdio: ['pipe', 'pipe', 'inherit'],
      // In a process group of its own, so that what it has started can be stopped with it.
      detached: true,
    });
    // Whoever waits hears of the first error; a later one must not end this process.
    child.on('error', () => undefined);
    return child;
  } catch {
    // Without a cause: Node quotes the argument or variable that it does not like.
    throw new CredentialError(file, 'wanted arguments and environment without null bytes');
  }
}

/** A program may answer without reading its input to the end, or at all. */
function send({ stdin }: ChildProcess, input: string): void {
  stdin?.on('error', () => undefined);
  stdin?.end(input);
}

async function resultOf(child: ChildProcess, { file }: Program, signal: AbortSignal): Promise<ProgramResult> {
  // There are no pipes where this process has run out of file descriptors.
  const stdout = addAbortSignal(signal, child.stdout ?? Readable.from([]));
  const [output, [status]] = await Promise.all([collect(stdout, file), once(child, 'exit', { signal })]);
  if (typeof status === 'number') return { status, output };
  throw new CredentialError(file, 'the program was killed', { retriable: true });
}

async function collect(stream: Readable, file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_OUTPUT)
      throw new CredentialError(file, `wanted at most ${LARGEST_OUTPUT} bytes of output`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function stop(child: ChildProcess): void {
  child.stdout?.destroy();
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function faultOf(cause: unknown, { file, timeoutMs }: Program, signal: AbortSignal): CredentialError {
  if (cause instanceof CredentialError) return cause;
  const why = signal.aborted ? `no answer within ${timeoutMs} ms` : 'cannot run the program';
  return new CredentialError(file, why, { cause, retriable: true });
}
