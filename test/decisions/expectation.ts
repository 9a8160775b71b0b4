import type { Judgement } from '../../src/plan/judgement.ts';
import { compileRules } from '../../src/plan/rules.ts';
import { BUILT_IN_KINDS } from '../../src/workload/kinds.ts';
import { JUDGEMENT } from '../judgement.ts';
import type { Row } from './row.ts';

/** What decides in a row. */
export function judgementOf({ rules = [], kinds = {}, enabled = true }: Row): Judgement {
  const compiled = compileRules(rules);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  const all = new Map([...BUILT_IN_KINDS, ...Object.entries(kinds)]);
  return { ...JUDGEMENT, enabled, rules: compiled.rules, kinds: all };
}

/** Images that the table expects this of, by their action. */
export function expectedOf({ expected }: Row, ...actions: readonly string[]): readonly string[] {
  const lines = typeof expected === 'string' ? [] : expected;
  return lines.filter((line) => actions.some((action) => line.endsWith(` ${action}`))).map(imageOf);
}

function imageOf(line: string): string {
  return line.slice(0, line.lastIndexOf(' '));
}
