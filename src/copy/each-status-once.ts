import type { TransferProgress } from './origin.ts';

/** An image has 127 layers at most, and daemons know seven words for each. */
const MOST_TOLD = 1000;
/** Daemons have short words; what they repeat of others may be long. */
const LONGEST_STATUS = 100;

/**
 * Passes on each status of a layer once: while a daemon transfers 1 GB it repeats them thousands of times.
 * @param tell gets what was told with the status for the first time
 */
export function eachStatusOnce(
  tell: (progress: TransferProgress) => void,
): (progress: TransferProgress) => void {
  const told = new Set<string>();
  return (progress) => {
    const status = progress.status.slice(0, LONGEST_STATUS);
    // `Retrying in 5 seconds` counts down.
    const word = `${progress.layer} ${status.replaceAll(/\d+/g, '#')}`;
    if (told.has(word) || told.size >= MOST_TOLD) return;
    told.add(word);
    tell({ ...progress, status });
  };
}
