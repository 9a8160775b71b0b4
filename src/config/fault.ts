import type { z } from 'zod';
import { type Fault, quoteValue } from './config-error.ts';
import type { Setting } from './environment.ts';
import { KEYS, type Key, SECTIONS } from './key.ts';
import { suggest } from './suggestion.ts';
import { type Tree, valueAt } from './tree.ts';

/** What was checked: the tree, and which of its keys came from variables. */
export interface Checked {
  readonly tree: Tree;
  readonly variables: readonly Setting[];
}

/** Says what the check found in the words of whoever wrote the file or the variable; one fault a place. */
export function faultsOf(issues: readonly z.core.$ZodIssue[], checked: Checked): Fault[] {
  const faults = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? unknownKeys(issue) : [wrongValue(issue, checked)],
  );
  return [...new Map(faults.map((fault) => [fault.at, fault])).values()];
}

function unknownKeys({ keys, path }: z.core.$ZodIssueUnrecognizedKeys): Fault[] {
  return keys.map((key) => {
    const at = [...path, key].join('.');
    const meant = suggest(at, [...KEYS.map((known) => known.path), ...SECTIONS]);
    return { at, what: meant === undefined ? 'unknown key' : `unknown key, did you mean ${meant}` };
  });
}

function wrongValue({ path }: z.core.$ZodIssue, { tree, variables }: Checked): Fault {
  const at = path.join('.');
  const key = keyHolding(at);
  const variable = variables.find((setting) => setting.key === key);
  return {
    at: variable === undefined ? at : variable.key.variable,
    what: `got ${quoteValue(valueAt(tree, path))}, wanted ${key?.wanted ?? 'a mapping of keys'}`,
  };
}

/** The key itself or, for an entry of a list, the key that holds the list. */
function keyHolding(at: string): Key | undefined {
  return KEYS.find(({ path }) => at === path || at.startsWith(`${path}.`));
}
