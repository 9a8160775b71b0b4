import { parseArgs } from 'node:util';
import { CASES, type Case, QUICK } from './case.ts';

export interface Options {
  readonly cases: readonly Case[];
  readonly rounds: number;
  /** Names of the tools to run. Undefined: all that are there. */
  readonly tools: readonly string[] | undefined;
  /** Another checkout of image-cloner, to be compared with this one. */
  readonly other: string | undefined;
  readonly json: boolean;
}

/** The command line is wrong. */
export class UsageError extends Error {
  readonly code = 'USAGE';

  constructor(why: string) {
    super(`${why}\n${USAGE}`);
    this.name = 'UsageError';
  }
}

export const USAGE = `usage: npm run -s bench -- [options]
  --case NAME,…   cases to run, of: ${CASES.map(({ name }) => name).join(' ')}
  --rounds N      how often each tool runs in each case, default 5
  --tools NAME,…  tools to run, default all that are installed
  --other DIR     compare with the image-cloner in another checkout
  --quick         one round of: ${QUICK.join(' ')}
  --json          every single measurement, as JSON`;

const DEFAULT_ROUNDS = 5;

/** @returns undefined when help was asked for @throws UsageError */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = read(args);
  if (values.help === true) return undefined;
  const quick = values.quick === true;
  const names = listOf(values.case) ?? (quick ? QUICK : undefined);
  return {
    cases: names === undefined ? CASES : names.map(caseNamed),
    rounds: values.rounds === undefined ? (quick ? 1 : DEFAULT_ROUNDS) : countOf(values.rounds),
    tools: listOf(values.tools),
    other: values.other,
    json: values.json === true,
  };
}

type Values = ReturnType<typeof parse>['values'];

function read(args: readonly string[]): Values {
  try {
    return parse(args).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      case: { type: 'string' },
      rounds: { type: 'string' },
      tools: { type: 'string' },
      other: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function listOf(text: string | undefined): readonly string[] | undefined {
  return text?.split(',').map((name) => name.trim());
}

function caseNamed(wanted: string): Case {
  const found = CASES.find(({ name }) => name === wanted);
  if (found === undefined) throw new UsageError(`There is no case "${wanted}"`);
  return found;
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`Set --rounds: wanted a number from 1, got "${text}"`);
  return count;
}
