/** One line of the log of image-cloner. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The lines of a log so far. One that is being written just now has no end yet, and is left for the next look. */
export function logLines(log: string): readonly LogLine[] {
  const lines = log.split('\n').slice(0, -1);
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}
