import pLimit, { type LimitFunction } from 'p-limit';

/** Runs at most so many transfers at once, in the order they were asked for. */
export type TransferLimit = LimitFunction;

export function transferLimit(concurrency: number): TransferLimit {
  return pLimit(concurrency);
}
