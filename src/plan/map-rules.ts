import { formatReference, type Reference, readReference, repositoryOf } from '../image/reference.ts';
import type { ImageMap, MapFault, ReadMap } from './image-map.ts';
import { imagePatternFault } from './image-pattern.ts';

/** One line of `registry.map`. */
export interface MapRule {
  /** A repository, or all below one: `quay.io/team/app`, `quay.io/team/**`, `**`. */
  readonly source: string;
  /** The repository that takes its place, or where what `**` stands for is put. */
  readonly target: string;
}

const REST = '**';
/** Completes a target to a reference, whether it is a registry or a repository. */
const PROBE = '/a/a';

/** Makes the rules of `registry.map` ready, or says all that is wrong with them. The first that matches counts. */
export function readMapRules(rules: readonly MapRule[]): ReadMap {
  const faults = rules.flatMap((rule, index) => [
    ...sourceFaults(rule, index),
    ...targetFaults(rule, index),
    ...sharedTargets(rules, index),
  ]);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, map: mapOf(rules) };
}

function sourceFaults({ source }: MapRule, index: number): readonly MapFault[] {
  const fixed = source.endsWith(REST) ? source.slice(0, -REST.length) : source;
  const isBounded = fixed === '' || fixed === source || fixed.endsWith('/');
  const hasMore = /[*?@]/.test(fixed) || fixed.lastIndexOf(':') > fixed.indexOf('/');
  const fault =
    imagePatternFault(source) ??
    (hasMore || !isBounded ? 'wanted a repository, or all below one: "quay.io/team/**"' : undefined);
  return fault === undefined
    ? []
    : [{ at: `registry.map.${index}.source`, what: `got ${JSON.stringify(source)}, ${fault}` }];
}

function targetFaults({ target }: MapRule, index: number): readonly MapFault[] {
  const read = target.endsWith('/') ? undefined : readReference(target + PROBE);
  if (read !== undefined && target.includes('/')) return [];
  if (read !== undefined && repositoryOf(read).startsWith(`${target}/`)) return [];
  const what = `got ${JSON.stringify(target)}, wanted a registry with an optional path, without tag`;
  return [{ at: `registry.map.${index}.target`, what }];
}

function sharedTargets(rules: readonly MapRule[], index: number): readonly MapFault[] {
  const target = rules[index]?.target;
  const before = rules.slice(0, index).findIndex((rule) => rule.target === target);
  if (before < 0) return [];
  const what = `got ${JSON.stringify(target)}, which registry.map.${before} has: their copies would share names`;
  return [{ at: `registry.map.${index}.target`, what }];
}

function mapOf(rules: readonly MapRule[]): ImageMap {
  const targets = rules.map(({ target }) => target);
  return {
    text: JSON.stringify(rules),
    targetOf: (image) => {
      const source = readReference(image);
      return source && rules.map((rule) => targetBy(rule, source)).find((target) => target !== undefined);
    },
    isTarget: (image) => {
      const read = readReference(image);
      const name = read && repositoryOf(read);
      return targets.some((target) => name === target || name?.startsWith(`${target}/`));
    },
  };
}

function targetBy({ source: pattern, target }: MapRule, source: Reference): string | undefined {
  const name = repositoryOf(source);
  const suffix = formatReference(source).slice(name.length);
  if (!pattern.endsWith(REST)) return name === pattern ? target + suffix : undefined;
  const fixed = pattern.slice(0, -REST.length);
  return name.startsWith(fixed) ? `${target}/${name.slice(fixed.length)}${suffix}` : undefined;
}
