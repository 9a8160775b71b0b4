import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ProgramAnswer {
  /** Written to standard output. */
  readonly output?: string;
  /** How often the output is written. Default 1. */
  readonly times?: number;
  /** Exit status. Default 0. */
  readonly status?: number;
  /** The program then ends by this signal. */
  readonly signal?: NodeJS.Signals;
  /** Ends without reading its input. */
  readonly deaf?: boolean;
  /** Never ends by itself. */
  readonly hangs?: boolean;
  /** Before it answers it starts a child that holds its output open and listens on this socket. */
  readonly leaves?: string;
}

export interface ProgramCall {
  readonly args: readonly string[];
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs with nothing but Node. What it is to do it reads from the file beside it, each time it is started. It is written so
 * that it does not matter whether Node takes it for a module: that depends on files above the folder it lies in.
 */
const SCRIPT = `
async function main() {
  const fs = await import('node:fs');
  const self = process.argv[1];
  const answer = JSON.parse(fs.readFileSync(self + '.answer', 'utf8'));
  const input = answer.deaf ? '' : fs.readFileSync(0, 'utf8');
  const call = { args: process.argv.slice(2), input, env: process.env };
  fs.appendFileSync(self + '.calls', JSON.stringify(call) + '\\n');
  if (answer.leaves) await leave(fs, answer.leaves);
  for (let times = answer.times ?? 1; times > 0; times -= 1) process.stdout.write(answer.output ?? '');
  if (answer.hangs) setInterval(() => undefined, 1 << 30);
  if (answer.signal) process.kill(process.pid, answer.signal);
  process.exitCode = answer.status ?? 0;
}

async function leave(fs, socket) {
  const { spawn } = await import('node:child_process');
  const listen = "import('node:net').then((net) => net.createServer().listen(" + JSON.stringify(socket) + "))";
  spawn(process.execPath, ['-e', listen], { stdio: 'inherit' }).unref();
  while (!fs.existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 5));
}

main();
`;

/** A real executable with scripted answers, which keeps a record of how it was started. */
export class FakeProgram {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async write(folder: string, name: string, answer: ProgramAnswer): Promise<FakeProgram> {
    const program = new FakeProgram(join(folder, name));
    await writeFile(program.path, `#!${process.execPath}\n${SCRIPT}`);
    await chmod(program.path, 0o700);
    await program.answer(answer);
    return program;
  }

  /** From the next start on. */
  async answer(answer: ProgramAnswer): Promise<void> {
    await writeFile(`${this.path}.answer`, JSON.stringify(answer));
  }

  /** Every start so far, in order. */
  async calls(): Promise<readonly ProgramCall[]> {
    const lines = await readFile(`${this.path}.calls`, 'utf8').catch(() => '');
    return lines
      .split('\n')
      .filter((line) => line !== '')
      .map(parseCall);
  }
}

function parseCall(line: string): ProgramCall {
  const call: ProgramCall = JSON.parse(line);
  return call;
}
