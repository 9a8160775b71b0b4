/** Of the names known the one that was probably meant, if any is near enough. */
export function suggest(unknown: string, known: readonly string[]): string | undefined {
  const wanted = plain(unknown.slice(0, LONGEST_COMPARED));
  const ranked = known
    .map((name) => ({ name, distance: nearness(wanted, name) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  // One letter in three may be wrong, two in a short word; beyond that a suggestion misleads.
  return best !== undefined && best.distance <= Math.max(2, wanted.length / 3) ? best.name : undefined;
}

/** Longer than any key of ours: a stranger's key of a megabyte is not measured letter by letter. */
const LONGEST_COMPARED = 64;

/** The whole path counts, or its last part alone: whoever forgot the section still finds the key. */
function nearness(wanted: string, name: string): number {
  const path = plain(name);
  const last = path.slice(path.lastIndexOf('.') + 1);
  return Math.min(distance(wanted, path), distance(wanted.slice(wanted.lastIndexOf('.') + 1), last) + 0.5);
}

/** `on-pending`, `on_pending` and `ONPENDING` all mean `onPending`. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '');
}

/** Levenshtein's: letters to add, drop or change to make one of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split('').entries()) {
      const change = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
