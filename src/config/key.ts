import { z } from 'zod';
import { bare } from './schema-at.ts';
import { FACTS, type SettingFacts } from './setting.ts';
import { SCHEMA } from './settings.ts';

/** One key of the configuration, found by walking the schema. */
export interface Key extends SettingFacts {
  /** Path in the file: `copy.onPending`. */
  readonly path: string;
  /** Name of the environment variable: `COPY_ON_PENDING`. Undefined where only the file can set the key. */
  readonly variable: string | undefined;
  /** Value without any configuration; undefined where it follows from other keys. */
  readonly initial: unknown;
}

/** The one name that is not its path: it is what people type, and what other tools of this kind call it. */
const SHORT_VARIABLES: Readonly<Record<string, string>> = { 'registry.prefix': 'REGISTRY' };

/** Every key, in the order of the schema. */
export const KEYS: readonly Key[] = keysOf(SCHEMA, []);

/** Every section that holds keys: `copy`, `tls`. */
export const SECTIONS: readonly string[] = [...new Set(KEYS.flatMap(({ path }) => parentsOf(path)))];

function keysOf(section: z.ZodObject, parents: readonly string[]): Key[] {
  return Object.entries(section.shape).flatMap(([name, schema]) => {
    const path = [...parents, name];
    return schema instanceof z.ZodObject ? keysOf(schema, path) : [keyOf(schema, path.join('.'))];
  });
}

function keyOf(schema: z.core.$ZodType, path: string): Key {
  const facts = FACTS.get(bare(schema));
  if (facts === undefined) throw new TypeError(`Setting ${path} has no facts`);
  const variable = facts.inFileOnly ? undefined : variableOf(path);
  return { ...facts, path, variable, initial: z.safeParse(schema, undefined).data };
}

function variableOf(path: string): string {
  const screaming = path
    .replaceAll(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll('.', '_')
    .toUpperCase();
  return SHORT_VARIABLES[path] ?? screaming;
}

function parentsOf(path: string): string[] {
  const parts = path.split('.').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}
