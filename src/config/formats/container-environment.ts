import { isRecord } from '../../image/descriptor.ts';

/** What manifests tell of how a program was started: its variables and arguments, wherever they stand. */
export interface Started {
  readonly variables: ReadonlyMap<string, string>;
  readonly args: readonly string[];
}

/** Variables of containers, and the data of ConfigMaps, which are given as variables or as files. Secrets are not read. */
export function startedBy(manifests: readonly unknown[]): Started {
  const variables = new Map<string, string>();
  const args: string[] = [];
  for (const value of manifests) collect(value, variables, args);
  return { variables, args };
}

function collect(value: unknown, variables: Map<string, string>, args: string[]): void {
  if (Array.isArray(value)) return value.forEach((inner) => collect(inner, variables, args));
  if (!isRecord(value) || value['kind'] === 'Secret') return;
  for (const [name, text] of variablesOf(value)) variables.set(name, text);
  for (const key of ['command', 'args']) args.push(...textsIn(value[key]));
  for (const inner of Object.values(value)) collect(inner, variables, args);
}

function variablesOf({ kind, data, env }: Readonly<Record<string, unknown>>): readonly [string, string][] {
  const ofMap = kind === 'ConfigMap' && isRecord(data) ? Object.entries(data) : [];
  const ofContainer = Array.isArray(env) ? env.filter(isRecord).map(({ name, value }) => [name, value]) : [];
  return [...ofMap, ...ofContainer].flatMap(([name, value]) =>
    typeof name === 'string' && typeof value === 'string' ? [[name, value] as [string, string]] : [],
  );
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
