import { isRecord } from '../image/descriptor.ts';

/** What a file and the environment say, before it is checked. */
export type Tree = Record<string, unknown>;

/** The value under a path of keys and list positions. @returns undefined where the path leads nowhere */
export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return Reflect.get(value, key);
  }, tree);
}

/**
 * A copy of the tree with a value laid under `path`. Sections on the way are made as needed; a section that is no
 * mapping is kept, for the check to find.
 */
export function withValue(tree: Tree, [key, ...rest]: readonly string[], value: unknown): Tree {
  if (key === undefined) return tree;
  if (rest.length === 0) return { ...tree, [key]: value };
  const section = sectionOf(tree, key);
  return isRecord(section) ? { ...tree, [key]: withValue(section, rest, value) } : tree;
}

/** A section whose lines are all commented out reads as null: it is an empty one. */
export function withSection(tree: Tree, [key, ...rest]: readonly string[]): Tree {
  if (key === undefined) return tree;
  const section = sectionOf(tree, key);
  return isRecord(section) ? { ...tree, [key]: withSection(section, rest) } : tree;
}

function sectionOf(tree: Tree, key: string): unknown {
  return Object.hasOwn(tree, key) ? (tree[key] ?? {}) : {};
}

/** Freezes a value and all it holds: what was validated once stays as it was. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
