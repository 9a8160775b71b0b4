import { canMount } from './mount.ts';
import { type Part, programOf } from './part.ts';

/** What a group of tests cannot do without: real programs, own mounts (`withMounts`), or to be root. */
export type Need = Part | 'mounts' | 'root';

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

/** Whether a part is here that nobody is asked to get: where it is not, nothing is said, in CI neither. */
export function isThere(part: Part): boolean {
  try {
    programOf(part);
    return true;
  } catch {
    return false;
  }
}

function check(need: Need): void {
  if (need === 'root') return must(process.getuid?.() === 0, 'Cannot run containers, run the tests as root');
  if (need === 'mounts') return must(canMount(), 'Cannot make a mount namespace, run the tests as root');
  programOf(need);
}

function must(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

function isContinuousIntegration(): boolean {
  const { CI: value = '' } = process.env;
  return value !== '' && value !== 'false';
}
