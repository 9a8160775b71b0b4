/** Stands for every member of a list or map: `[*]`. */
export const EVERY = Symbol('[*]');

/** Steps from the top of an object: names of members, positions of lists, or all of them. */
export type JsonPath = readonly (string | typeof EVERY)[];

/** A value, and the member names that lead to it. */
export interface Located {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** One step as kubectl's JSONPath writes it: `.name`, `['a name']`, `[0]`, `[*]` or `.*`. */
const STEP =
  /\.(?<name>[A-Za-z_][\w-]*)|\[(?:'(?<quoted>[^'\\]+)'|"(?<double>[^"\\]+)"|(?<index>\d{1,6})|\*)\]|\.\*/y;

/**
 * Reads the part of JSONPath that leads to places, without filters, slices and `..`: `.spec.template.spec`,
 * `$.spec.steps[*].image`, `{.spec['a.b'].image}`.
 * @returns undefined for anything else
 */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps = stepsOf(text.replace(/^\{(.*)\}$/, '$1').replace(/^\$/, ''));
  return steps === undefined || steps.length === 0 ? undefined : steps;
}

function stepsOf(text: string): JsonPath | undefined {
  const dotted = /^[.[]/.test(text) ? text : `.${text}`;
  const steps: (string | typeof EVERY)[] = [];
  let end = 0;
  for (const { 0: step, groups } of dotted.matchAll(new RegExp(STEP, 'gy'))) {
    const names: readonly (string | undefined)[] = Object.values(groups ?? {});
    steps.push(names.find((name) => name !== undefined) ?? EVERY);
    end += step.length;
  }
  return end === dotted.length ? steps : undefined;
}

/** Every value that a path leads to; none where it ends early. */
export function locate(object: unknown, path: JsonPath): readonly Located[] {
  const top: readonly Located[] = [{ path: [], value: object }];
  return path.reduce((found, step) => found.flatMap((place) => enter(place, step)), top);
}

function enter({ path, value }: Located, step: JsonPath[number]): readonly Located[] {
  if (typeof value !== 'object' || value === null) return [];
  const members = new Map<string, unknown>(Object.entries(value));
  const names = step === EVERY ? [...members.keys()] : [step].filter((name) => members.has(name));
  return names.map((name) => ({ path: [...path, name], value: members.get(name) }));
}
