import { CommanderError } from 'commander';

/** Exit codes of every command, as `--help` lists them. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Codes of errors that the same call would meet again. */
const USAGE: ReadonlySet<unknown> = new Set([
  'INVALID_CONFIG',
  'INVALID_PLACE',
  'INVALID_PLATFORM',
  'INVALID_PREFIX',
  'INVALID_PROXY',
  'INVALID_REFERENCE',
]);

/** What a process that met this error ends with. */
export function exitCodeOf(error: unknown): number {
  // The parser of arguments throws for `--help` and `--version` as well.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return error instanceof Error && 'code' in error && USAGE.has(error.code) ? EXIT.usage : EXIT.failed;
}
