import type { RescueRow } from './rescue.ts';
import { printable, tableOf } from './table.ts';

/** Rows as a table for a terminal; empty without rows. */
export function rescueTable(rows: readonly RescueRow[]): string {
  return tableOf(['IMAGE', 'HELD BY', 'SOURCE', 'BACKUP', 'WHY'], rows.map(cellsOf));
}

function cellsOf({ image, heldBy, whole, source, state, why = '' }: RescueRow): readonly string[] {
  const holders = heldBy.length === 0 ? '-' : heldBy.join(', ');
  return [image, whole === false ? `${holders} (in part)` : holders, source, state, why].map(printable);
}
