import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../test/e2e/harness/command.ts';
import { partsFolder } from '../test/e2e/harness/part.ts';
import type { WorkFolder } from '../test/e2e/harness/work-folder.ts';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What a command cost, children included. */
export interface Cost {
  readonly wallMs: number;
  /** User and system time by the kernel's account, in steps of 10 ms. */
  readonly cpuMs: number;
  /** Most memory resident at one time, in bytes; of several processes that of the largest. */
  readonly peakBytes: number;
}

/** GNU time asks the kernel (wait4) what the child took. Node cannot, and shells leave out the memory. */
const FORMAT = '%U %S %M';

/** Runs a command that has to work. @throws Error with what it said */
export async function measure({ program, args, environment }: Command, folder: WorkFolder): Promise<Cost> {
  const file = folder.file('cost');
  const begun = performance.now();
  const result = await run(timeProgram(), ['-f', FORMAT, '-o', file, program, ...args], { environment });
  const wallMs = performance.now() - begun;
  if (result.code !== 0)
    throw new Error(`Cannot measure "${program} ${args.join(' ')}": code ${result.code}: ${result.stderr}`);
  return { wallMs, ...parseCost(readFileSync(file, 'utf8')) };
}

/** Reads what GNU time wrote; above its last line it may have written more. */
export function parseCost(text: string): Omit<Cost, 'wallMs'> {
  const [user, system, kibibytes] = (text.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (user === undefined || system === undefined || kibibytes === undefined)
    throw new Error(`Cannot read the cost of a command: wanted "${FORMAT}", got ${JSON.stringify(text)}`);
  return { cpuMs: Math.round((user + system) * 1000), peakBytes: kibibytes * 1024 };
}

function timeProgram(): string {
  const found = [join(partsFolder(), 'time'), '/usr/bin/time', '/usr/local/bin/gtime'].find(isExecutable);
  if (found !== undefined) return found;
  throw new Error('Cannot find GNU time, get it with: apt-get install time');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
