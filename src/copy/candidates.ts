import type { Reference } from '../image/reference.ts';
import type { Held, Origin } from './origin.ts';
import { unlessAborted } from './promise.ts';
import { RANKS, type Rank, rankOf } from './rank.ts';

/** An image that an origin holds and that may stand in for its source. Whoever gets one closes what is held. */
export interface Candidate {
  readonly origin: Origin;
  readonly held: Held;
  readonly rank: Rank;
}

export interface Look {
  readonly signal: AbortSignal;
  /** An origin that cannot be asked is passed over. */
  readonly onFailure: (origin: Origin, cause: unknown) => void;
}

/** An answer of a daemon takes milliseconds, of all agents of a large cluster some seconds. */
const LONGEST_LOOK_MS = 20_000;

/** Asks origins in turn: those with all of the image as they are found, then the others, the nearest first. */
export async function* candidatesAmong(
  origins: readonly Origin[],
  source: Reference,
  look: Look,
): AsyncGenerator<Candidate, void> {
  const lesser: Candidate[] = [];
  try {
    for (const origin of origins) {
      const candidate = await ask(origin, source, look);
      if (candidate?.rank === 'same') yield candidate;
      else if (candidate !== undefined) lesser.push(candidate);
    }
    yield* lesser.toSorted(byRank);
  } finally {
    for (const { held } of lesser) await held.close?.();
  }
}

async function ask(
  origin: Origin,
  source: Reference,
  { signal, onFailure }: Look,
): Promise<Candidate | undefined> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_LOOK_MS)]);
  try {
    const held = await unlessAborted(inTime, origin.find(source, inTime));
    const rank = held && rankOf(held, source.digest);
    if (held === undefined || rank !== undefined) return held && rank && { origin, held, rank };
    await held.close?.();
  } catch (cause) {
    onFailure(origin, cause);
  }
  return undefined;
}

function byRank(one: Candidate, other: Candidate): number {
  return RANKS.indexOf(one.rank) - RANKS.indexOf(other.rank);
}
