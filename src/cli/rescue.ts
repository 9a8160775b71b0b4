import type { Origin } from '../copy/origin.ts';
import type { Copies, CopyTask, Outcome } from '../copy/outcome.ts';
import { contradicts } from '../image/digest.ts';
import { formatReference, type Reference } from '../image/reference.ts';
import { type Naming, nameOf } from '../plan/naming.ts';
import { type FoundImage, listAll, lookFor } from './found-image.ts';

/** What is known of one image, and what became of it; as `--json` prints it. */
export interface RescueRow {
  /** Normalised. */
  readonly image: string;
  /** Who holds it: docker, containerd, agents. */
  readonly heldBy: readonly string[];
  /** Whether some holder has all of it. Absent where nobody holds it. */
  readonly whole?: boolean;
  /** `there`, or the stable code of what its registry said. */
  readonly source: string;
  readonly backup: string;
  /** `there` before · `saved` now · `absent`, and only looked for · `failed`. */
  readonly state: 'there' | 'saved' | 'absent' | 'failed';
  readonly digest?: string;
  readonly why?: string;
}

export function hasBackup({ state }: RescueRow): boolean {
  return state === 'there' || state === 'saved';
}

/** What was found out, and made. */
export interface Rescued {
  /** One for each image; where it was interrupted for those alone of which something is known. */
  readonly rows: readonly RescueRow[];
  /** How many were to be looked at. */
  readonly images: number;
}

export interface RescueParts {
  readonly origins: readonly Origin[];
  readonly copies: Copies;
  readonly naming: Naming;
  /** Rejects with what the source says unless the image is there. */
  readonly askSource: (source: Reference, signal: AbortSignal) => Promise<void>;
  readonly onFound?: (images: number) => void;
  readonly onRow?: (row: RescueRow) => void;
  /** Change nothing. */
  readonly check: boolean;
  /** Ends it: no further image is begun. Copies go on, whoever made `copies` stops them. */
  readonly signal: AbortSignal;
}

/** Each copy moves layers side by side already. */
const AT_ONCE = 4;
/** A registry that is gone is to cost no minute for each of its images. */
const LONGEST_ASK_MS = 10_000;

/**
 * Looks for the source and the backup of images, and makes the backups that are missing.
 * @param references none means every image that is held
 * @throws what the holders cannot be asked for, also when `signal` aborts meanwhile
 */
export async function rescue(references: readonly Reference[], parts: RescueParts): Promise<Rescued> {
  const found = references.length === 0 ? await listAll(parts) : await lookFor(references, parts);
  const { signal, onFound, onRow } = parts;
  onFound?.(found.length);
  const rows = new Map<number, readonly RescueRow[]>();
  const others = new Set<string>();
  const waiting = found.entries();
  async function rowOf(image: FoundImage): Promise<readonly RescueRow[]> {
    const row = await rescueOne(image, parts);
    if (row === undefined) return [];
    onRow?.(row);
    return [row];
  }
  async function work(): Promise<void> {
    for (const [position, { alias, ...image }] of waiting) {
      if (signal.aborted) return;
      const [row] = await rowOf(image);
      if (row === undefined) return;
      rows.set(position, [row]);
      if (alias === undefined || !isOther(row, alias) || others.has(formatReference(alias))) continue;
      onFound?.(found.length + others.add(formatReference(alias)).size);
      rows.set(position, [row, ...(await rowOf({ ...image, source: alias }))]);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const images = found.length + others.size;
  return { rows: found.flatMap((_, position) => rows.get(position) ?? []), images };
}

/** The backup of a tag may be newer than what is held, or older. */
function isOther(row: RescueRow, { digest }: Reference): boolean {
  return hasBackup(row) && row.digest !== digest;
}

/** @returns undefined when it was interrupted before anything is known of its backup */
async function rescueOne(
  { source, ...holding }: FoundImage,
  parts: RescueParts,
): Promise<RescueRow | undefined> {
  const { copies, naming, check, signal } = parts;
  const image = formatReference(source);
  const backup = nameOf({ text: image, source }, naming);
  const said = await sourceState(source, parts);
  if (backup === undefined)
    return {
      image,
      ...holding,
      source: said,
      backup: '-',
      state: 'failed',
      why: 'it has no name in the map',
    };
  const task = { source, backup };
  const there = await copies.find(task, signal);
  const row = {
    image,
    ...holding,
    source: said,
    backup: formatReference(backup),
  };
  if (there !== undefined) return { ...row, state: 'there', digest: there.digest };
  if (signal.aborted) return undefined;
  if (check) return { ...row, state: 'absent' };
  return { ...row, ...stateOf(task, await copies.ensure(task, signal)) };
}

function stateOf({ source }: CopyTask, outcome: Outcome): Pick<RescueRow, 'state' | 'digest' | 'why'> {
  if (outcome.state === 'failed') return { state: 'failed', why: outcome.error.message };
  if (outcome.state === 'pending') return { state: 'failed', why: 'interrupted' };
  const { digest } = outcome;
  return source.digest !== undefined && contradicts(source.digest, digest)
    ? { state: 'failed', digest, why: `saved aside, made anew as ${digest}` }
    : { state: 'saved', digest };
}

async function sourceState(source: Reference, { askSource, signal }: RescueParts): Promise<string> {
  try {
    await askSource(source, AbortSignal.any([signal, AbortSignal.timeout(LONGEST_ASK_MS)]));
    return 'there';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code).toLowerCase() : 'unknown';
  }
}
