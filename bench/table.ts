/** One column: its heading and what stands in it for a row. The first one holds names, the others numbers. */
export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string;
}

/** A Markdown table, its columns as wide as their widest cell so that it reads well unrendered. */
export function tableOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ cell }) => escape(cell(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(3, ...cells.map((line) => (line[index] ?? '').length)));
  const [heading = '', ...lines] = cells.map((line) =>
    lineOf(line.map((cell, index) => pad(cell, widths, index))),
  );
  const rule = lineOf(widths.map((width, index) => ruleOf(width, index)));
  return [heading, rule, ...lines].join('\n');
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function pad(cell: string, widths: readonly number[], index: number): string {
  const width = widths[index] ?? 0;
  return index === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function ruleOf(width: number, index: number): string {
  return index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`;
}

function escape(cell: string): string {
  return cell.replaceAll('|', String.raw`\|`);
}
