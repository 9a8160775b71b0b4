/** Columns two spaces apart, as wide as what is in them; empty without rows. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    lines.reduce((most, line) => Math.max(most, lengthOf(line, column)), 0),
  );
  return lines.map((line) => `${lineOf(line, widths)}\n`).join('');
}

/** What others wrote may hold what moves a terminal's cursor. */
export function printable(cell: string): string {
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
