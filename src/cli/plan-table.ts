import type { PlanRow } from './plan-row.ts';
import { printable, tableOf } from './table.ts';

const HEAD = ['WORKLOAD', 'CONTAINER', 'IMAGE', 'ACTION', 'RULE', 'RESULT'];

/** Rows as a table for a terminal, columns two spaces apart; empty without rows. */
export function planTable(rows: readonly PlanRow[]): string {
  const note = rows.some(({ ownBackup }) => ownBackup !== undefined) ? OWN_NOTE : '';
  return tableOf(HEAD, rows.map(cellsOf)) + note;
}

const OWN_NOTE =
  '\nWhat a source gives to pull secrets alone gets a name of its namespace in place of this (--json has it).\n';

function cellsOf(row: PlanRow): string[] {
  const { namespace, kind, name, container = '-', image = '-', action, rule = '-' } = row;
  return [`${namespace}/${kind}/${name}`, container, image, action, rule, resultOf(row)].map(printable);
}

function resultOf({ backup, reason, message, copied }: PlanRow): string {
  const text = message ?? backup ?? reason ?? '-';
  if (copied === undefined) return text;
  return copied ? `${text} (there)` : `${text} (not there)`;
}
