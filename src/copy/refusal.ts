import { CopyError, codeOf } from './copy-error.ts';

/**
 * A source says so to those who may not read it. Registries that hide what is private say that it is absent; and what
 * was withdrawn is answered in either way (Docker Hub).
 */
const REFUSALS: ReadonlySet<string> = new Set(['UNAUTHORIZED', 'DENIED', 'NOT_FOUND']);

/** Another credential may be let in where this one was not. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(codeOf(error) ?? '');
}

/** The copy failed because its source did not give it. */
export function isSourceFault(error: Error): error is CopyError {
  return error instanceof CopyError && error.side === 'source';
}
