import type { Digest } from '../image/digest.ts';

/**
 * - `NOT_FOUND` certainly absent · `CONTENT_MISMATCH` size or digest differ · `TOO_LARGE` over a limit of ours
 * - `MISSING_CONTENT` a manifest names content that is not there (`missing` lists it)
 * - `INVALID_LAYOUT` the directory is not an OCI image layout, or a broken one · `ABORTED` we were told to stop
 *
 * Errors of the file system pass as they are, with their own codes.
 */
type LayoutErrorCode =
  | 'NOT_FOUND'
  | 'CONTENT_MISMATCH'
  | 'TOO_LARGE'
  | 'MISSING_CONTENT'
  | 'INVALID_LAYOUT'
  | 'ABORTED';

interface LayoutErrorDetails {
  readonly code: LayoutErrorCode;
  /** Verb and object: `read blob sha256:…`. */
  readonly operation: string;
  readonly missing?: readonly Digest[];
  readonly cause?: unknown;
}

/** What went wrong in a layout directory. */
export class LayoutError extends Error {
  override readonly name = 'LayoutError';
  readonly code: LayoutErrorCode;
  readonly missing: readonly Digest[];

  constructor(why: string, { code, operation, missing = [], cause }: LayoutErrorDetails) {
    super(`Cannot ${operation}: ${why}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.missing = missing;
  }
}

/** Is this the error of a file that is not there? */
export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
