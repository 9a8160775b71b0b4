import type { PlanRow } from './plan-row.ts';

const HEAD = ['WORKLOAD', 'CONTAINER', 'IMAGE', 'ACTION', 'RULE', 'RESULT'];

/** Rows as a table for a terminal, columns two spaces apart; empty without rows. */
export function planTable(rows: readonly PlanRow[]): string {
  if (rows.length === 0) return '';
  const lines = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) =>
    lines.reduce((most, line) => Math.max(most, lengthOf(line, column)), 0),
  );
  return lines.map((line) => `${lineOf(line, widths)}\n`).join('');
}

function cellsOf(row: PlanRow): string[] {
  const { namespace, kind, name, container = '-', image = '-', action, rule = '-' } = row;
  return [`${namespace}/${kind}/${name}`, container, image, action, rule, resultOf(row)].map(printable);
}

function resultOf({ backup, reason, message, copied }: PlanRow): string {
  const text = message ?? backup ?? reason ?? '-';
  if (copied === undefined) return text;
  return copied ? `${text} (there)` : `${text} (not there)`;
}

/** Manifests may hold what moves a terminal's cursor. */
function printable(cell: string): string {
  return cell.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}

function lengthOf(line: readonly string[], column: number): number {
  return line[column]?.length ?? 0;
}

function lineOf(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}
