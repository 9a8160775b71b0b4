import { setTimeout as delay } from 'node:timers/promises';
import type { HostGate } from './host-gate.ts';
import { RegistryError } from './registry-error.ts';

/** Tries in all, the first included (regclient and oras-go: 5). */
const MOST_TRIES = 5;
/** Pause before the second try, doubled with each further one. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** A registry that asks for a longer silence is taken at its word: the copy fails now and is wanted again later. */
export const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * Runs a request that may be repeated, again when its error says that this may help.
 * @throws the last error, or `ABORTED` when `signal` aborts
 */
export async function withRetries<T>(
  gate: HostGate,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      await gate.pass(signal);
      return await attempt();
    } catch (error) {
      const pause = pauseAfter(error, tries, gate);
      if (signal.aborted || pause === undefined) throw error;
      await delay(pause, undefined, { signal });
    }
  }
}

/** @returns undefined when no further try is worth it. */
function pauseAfter(error: unknown, tries: number, gate: HostGate): number | undefined {
  if (!(error instanceof RegistryError) || !error.retriable) return undefined;
  const { retryAfter } = error;
  const pause = retryAfter ?? jitter(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1)));
  if (error.code === 'RATE_LIMITED' || retryAfter !== undefined)
    gate.closeFor(Math.min(pause, LONGEST_RETRY_AFTER_MS));
  return tries >= MOST_TRIES || pause > LONGEST_RETRY_AFTER_MS ? undefined : pause;
}

/** Spreads callers that failed together by a quarter either way. */
function jitter(milliseconds: number): number {
  return milliseconds * (0.75 + Math.random() / 2);
}
