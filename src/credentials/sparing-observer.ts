import { type Clock, monotonic } from './clock.ts';
import type { ObserveCredentials } from './event.ts';

/** Credentials are asked for with every request; a fault that lasts is told again after this time. */
const REPEAT_MS = 5 * 60 * 1000;
/** Different faults remembered; there are not that many places. */
const MOST_FAULTS = 256;

/** Passes each event on once, and again when it still happens after five minutes. */
export function sparingly(
  observe: ObserveCredentials | undefined,
  now: Clock = monotonic,
): ObserveCredentials {
  const told = new Map<string, number>();
  return (event) => {
    const key = `${event.type} ${event.error.message}`;
    const last = told.get(key);
    if (last !== undefined && now() - last < REPEAT_MS) return;
    if (told.size >= MOST_FAULTS) told.clear();
    told.set(key, now());
    observe?.(event);
  };
}
