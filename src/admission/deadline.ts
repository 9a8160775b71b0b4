/** How long the API server waits where it does not say (admissionregistration/v1, `timeoutSeconds`). */
const DEFAULT_TIMEOUT = 10_000;
/** Kept back for the way of request and answer, and for an event loop that parses somebody else's 16 MB meanwhile. */
const MARGIN_SHARE = 0.2;
const LARGEST_MARGIN = 1000;

/** Units of Go's time.ParseDuration, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const DURATION = /^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const PART = /([\d.]+)([a-zµμ]+)/g;
/** The API server writes a handful of characters. */
const LONGEST_DURATION = 32;

/** A duration as Go writes it (`15s`, `1m0s`, `500ms`), in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (text.length > LONGEST_DURATION || !DURATION.test(text)) return undefined;
  return [...text.matchAll(PART)].reduce(
    (sum, [, count = '', unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0),
    0,
  );
}

/**
 * How long an admission may wait for copies, in milliseconds.
 * @param timeout the request's `?timeout=`
 * @param mostSeconds the longest wait that the operator allows
 */
export function waitBudget(timeout: string | undefined, mostSeconds: number): number {
  const total = (timeout === undefined ? undefined : parseDuration(timeout)) ?? DEFAULT_TIMEOUT;
  const margin = Math.min(total * MARGIN_SHARE, LARGEST_MARGIN);
  return Math.min(total - margin, mostSeconds * 1000);
}

/**
 * Runs `work` with a signal that aborts when the time is over or the caller has gone. The timer goes with the work:
 * `AbortSignal.timeout` would leave one behind for each request.
 */
export async function withDeadline<T>(
  milliseconds: number,
  caller: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), milliseconds);
  try {
    return await work(AbortSignal.any([deadline.signal, caller]));
  } finally {
    clearTimeout(timer);
  }
}
