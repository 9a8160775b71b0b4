const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g;
const WHOLE = /^\+?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;

/** What Go's `time.Duration` can hold, 292 years; more is no duration. */
const LONGEST_MS = 2 ** 63 / 1e6;

/**
 * Reads how long something may be kept, as Kubernetes writes it (`metav1.Duration`): `12h`, `1h30m`, `0s`, `0`.
 * @returns milliseconds, or undefined for what is no duration, or a negative one
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^[+-]?0$/.test(value)) return 0;
  if (!WHOLE.test(value)) return undefined;
  const size = [...value.matchAll(PART)]
    .map(([, amount, unit = '']) => Number(amount) * (UNIT_MS[unit] ?? 0))
    .reduce((sum, part) => sum + part, 0);
  return size <= LONGEST_MS ? size : undefined;
}
