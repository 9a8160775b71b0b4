/** Milliseconds since any fixed moment, never running backwards. */
export type Clock = () => number;

/** The default clock: setting the machine's time must neither stretch nor cut what may be kept. */
export function monotonic(): number {
  return performance.now();
}
