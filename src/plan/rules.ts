import { imagePatternFault } from './image-pattern.ts';
import { compileRule, nameOf, type Rule, type RuleMatch, type RuleText } from './rule.ts';

/** Something wrong with the rules: where (`rules.2.match.images.0`), and what. */
interface RuleFault {
  readonly at: string;
  readonly what: string;
}

export type Rules =
  | { readonly ok: true; readonly rules: readonly Rule[] }
  | { readonly ok: false; readonly faults: readonly RuleFault[] };

/** Makes the rules ready, or says all that is wrong with them. */
export function compileRules(texts: readonly RuleText[]): Rules {
  const faults = texts.flatMap((text, index) => [
    ...patternFaults(text, index),
    ...contradictions(text, index),
    ...neverReached(texts, index),
    ...namedTwice(texts, index),
  ]);
  return faults.length === 0 ? { ok: true, rules: texts.map(compileRule) } : { ok: false, faults };
}

function patternFaults({ match = {} }: RuleText, index: number): readonly RuleFault[] {
  const { images = [] } = match;
  const bad = images.flatMap((pattern, place) => {
    const fault = imagePatternFault(pattern);
    const at = `rules.${index}.match.images.${place}`;
    return fault === undefined ? [] : [{ at, what: `got ${JSON.stringify(pattern)}, ${fault}` }];
  });
  return [...bad, ...emptyConditions(match, index)];
}

/** An empty list would match nothing, and was hardly meant to. */
function emptyConditions(match: RuleMatch, index: number): readonly RuleFault[] {
  return Object.entries(match)
    .filter(([, condition]: [string, object | undefined]) => condition && Object.keys(condition).length === 0)
    .map(([name]) => ({
      at: `rules.${index}.match.${name}`,
      what: 'got nothing, wanted at least one, or the key left out to match all',
    }));
}

function contradictions({ action, check, message }: RuleText, index: number): readonly RuleFault[] {
  const faults: RuleFault[] = [];
  if (check !== undefined && action !== 'rewrite-only')
    faults.push({ at: `rules.${index}.check`, what: `belongs to action rewrite-only, not to ${action}` });
  if (message !== undefined && action !== 'deny' && action !== 'warn')
    faults.push({
      at: `rules.${index}.message`,
      what: `belongs to the actions deny and warn, not to ${action}`,
    });
  return faults;
}

/** Behind a rule that matches everything, or the very same, no rule can ever decide. */
function neverReached(texts: readonly RuleText[], index: number): readonly RuleFault[] {
  const own = conditionsOf(texts[index]);
  const before = texts.slice(0, index).findIndex((text) => ['{}', own].includes(conditionsOf(text)));
  if (before < 0) return [];
  const what = `is never reached: ${nameOf(texts[before] ?? { action: 'skip' }, before)} matches all that it matches`;
  return [{ at: `rules.${index}`, what }];
}

function conditionsOf(text: RuleText | undefined): string {
  const entries = Object.entries(text?.match ?? {}).filter(([, condition]) => condition !== undefined);
  return JSON.stringify(Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

/** Names stand in warnings, logs and plans: they have to say which rule it was. */
function namedTwice(texts: readonly RuleText[], index: number): readonly RuleFault[] {
  const name = texts[index]?.name;
  const isTaken = name !== undefined && texts.slice(0, index).some((text) => text.name === name);
  return isTaken ? [{ at: `rules.${index}.name`, what: `got "${name}", which another rule is called` }] : [];
}
