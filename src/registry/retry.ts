import { asRegistryError, type Wanted } from './connection-error.ts';
import type { HostGate } from './host-gate.ts';
import { isOutOfReach, type Outage } from './outage.ts';
import { pause } from './pause.ts';
import { RegistryError } from './registry-error.ts';

/** Tries in all, the first included (regclient and oras-go: 5). */
const MOST_TRIES = 5;
/** Pause before the second try, doubled with each further one. */
export const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** A host that keeps silent takes ten seconds and more for each try, and two of those say as much as five. */
const LONG_TRY_MS = 5_000;
/** A registry that asks for a longer silence is taken at its word: the copy fails now and is wanted again later. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** How a host is asked again: its gate, whether it can be reached at all, and the pause before the second try. */
export interface Patience {
  readonly gate: HostGate;
  readonly outage: Outage;
  readonly firstPauseMs: number;
}

/**
 * Runs a request that may be repeated, again when its error says that this may help.
 * @throws the last error, or `ABORTED` when the signal aborts
 */
export async function withRetries<T>(
  patience: Patience,
  wanted: Wanted,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const asked = await passGate(patience.gate, wanted);
    try {
      const done = await attempt();
      patience.outage.end();
      return done;
    } catch (error) {
      if (wanted.signal.aborted) throw asRegistryError(error, wanted);
      const isLast = isLastTry(error, { tries, tookMs: performance.now() - asked }, patience);
      const wait = pauseAfter(error, tries, patience);
      if (wait === undefined || isLast) throw error;
      await rest(wait, wanted);
    }
  }
}

/** @returns when the host may be asked, on the clock of `performance.now()` @throws RegistryError `ABORTED` */
async function passGate(gate: HostGate, wanted: Wanted): Promise<number> {
  try {
    await gate.pass(wanted.signal);
    wanted.signal.throwIfAborted();
    return performance.now();
  } catch (error) {
    throw asRegistryError(error, wanted);
  }
}

/** What one request finds out about the host counts for all that are under way. */
function isLastTry(
  error: unknown,
  { tries, tookMs }: { readonly tries: number; readonly tookMs: number },
  { outage }: Patience,
): boolean {
  const isEnough = tries === MOST_TRIES;
  if (!isOutOfReach(error)) {
    outage.end();
    return isEnough;
  }
  if (isEnough || (tries > 1 && tookMs > LONG_TRY_MS) || outage.isOn) outage.begin();
  return outage.isOn;
}

/**
 * The pause that an error calls for; a host that named one is closed to everybody for as long.
 * @param tries so far
 * @returns milliseconds; undefined when no further try is worth it
 */
export function pauseAfter(
  error: unknown,
  tries: number,
  { gate, firstPauseMs }: Patience,
): number | undefined {
  if (!(error instanceof RegistryError) || !error.retriable) return undefined;
  const ours = jitter(Math.min(LONGEST_PAUSE_MS, firstPauseMs * 2 ** (tries - 1)));
  const wait = Math.max(error.retryAfter ?? 0, ours);
  if (error.code === 'RATE_LIMITED' || error.retryAfter !== undefined)
    gate.closeFor(Math.min(wait, LONGEST_RETRY_AFTER_MS));
  return wait > LONGEST_RETRY_AFTER_MS ? undefined : wait;
}

/** @throws RegistryError `ABORTED` */
export async function rest(milliseconds: number, wanted: Wanted): Promise<void> {
  try {
    await pause(milliseconds, wanted.signal);
  } catch (error) {
    throw asRegistryError(error, wanted);
  }
}

/** Spreads callers that failed together by a quarter either way. */
function jitter(milliseconds: number): number {
  return milliseconds * (0.75 + Math.random() / 2);
}
