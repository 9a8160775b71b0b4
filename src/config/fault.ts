import { z } from 'zod';
import { type Fault, quoteValue } from './config-error.ts';
import type { Setting } from './environment.ts';
import { KEYS, type Key, SECTIONS } from './key.ts';
import { bare, schemaAt } from './schema-at.ts';
import { FACTS } from './setting.ts';
import { SCHEMA } from './settings.ts';
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
    const meant = suggest(at, [...KEYS.map((known) => known.path), ...SECTIONS, ...besides(path)]);
    return { at, what: meant === undefined ? 'unknown key' : `unknown key, did you mean ${meant}` };
  });
}

/** Inside of a list, the keys of this very entry. */
function besides(path: readonly PropertyKey[]): string[] {
  const schema = schemaAt(SCHEMA, path);
  const section = schema && bare(schema);
  const names = section instanceof z.ZodObject ? Object.keys(section.shape) : [];
  return names.map((name) => [...path, name].join('.'));
}

function wrongValue({ path }: z.core.$ZodIssue, { tree, variables }: Checked): Fault {
  const at = path.join('.');
  const key = keyHolding(at);
  const variable = variables.find((setting) => setting.key === key);
  return {
    at: variable?.key.variable ?? at,
    what: `got ${quoteValue(valueAt(tree, path))}, wanted ${wantedAt(path) ?? 'a mapping of keys'}`,
  };
}

/** What the place itself wants, or else the mapping or list that it stands in. */
function wantedAt(path: readonly PropertyKey[]): string | undefined {
  if (path.length === 0) return undefined;
  const schema = schemaAt(SCHEMA, path);
  return (schema && FACTS.get(bare(schema))?.wanted) ?? wantedAt(path.slice(0, -1));
}

/** The key itself or, for an entry of a list, the key that holds the list. */
function keyHolding(at: string): Key | undefined {
  return KEYS.find(({ path }) => at === path || at.startsWith(`${path}.`));
}
