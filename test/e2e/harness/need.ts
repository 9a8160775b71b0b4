import { type Part, programOf } from './part.ts';

/** What a group of tests cannot do without: real programs, and the rights to mount and to run containers. */
export type Need = Part | 'root';

/**
 * Whether tests with these needs can run here, for `describe.runIf`. Where something is missing one line says what, and
 * how to get it; in CI (`CI` is set), where nothing skips, that line is thrown and fails the file.
 */
export function canRun(...needs: readonly Need[]): boolean {
  try {
    needs.forEach(check);
    return true;
  } catch (error) {
    if (isContinuousIntegration()) throw error;
    console.warn(`Skips tests. ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

function check(need: Need): void {
  if (need !== 'root') return void programOf(need);
  if (process.getuid?.() !== 0) throw new Error('Cannot mount and run containers, run the tests as root');
}

function isContinuousIntegration(): boolean {
  const { CI: value = '' } = process.env;
  return value !== '' && value !== 'false';
}
