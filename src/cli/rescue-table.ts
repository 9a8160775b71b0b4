import { hasBackup, type Rescued, type RescueRow } from './rescue.ts';
import { printable, tableOf } from './table.ts';

/** Rows as a table for a terminal; empty without rows. */
export function rescueTable(rows: readonly RescueRow[]): string {
  return tableOf(['IMAGE', 'HELD BY', 'SOURCE', 'BACKUP', 'WHY'], rows.map(cellsOf));
}

/** `3 of 17 images have a backup, 2 of them saved now` */
export function howFar({ rows, images }: Rescued): string {
  const saved = rows.filter(({ state }) => state === 'saved').length;
  return `${rows.filter(hasBackup).length} of ${images} images have a backup, ${saved} of them saved now`;
}

function cellsOf({ image, heldBy, whole, source, state, why = '' }: RescueRow): readonly string[] {
  const holders = heldBy.length === 0 ? '-' : heldBy.join(', ');
  return [image, whole === false ? `${holders} (in part)` : holders, source, state, why].map(printable);
}
