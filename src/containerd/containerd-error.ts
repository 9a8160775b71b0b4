import type { Digest } from '../image/digest.ts';

/**
 * What went wrong at a containerd, in words that stay the same:
 * - `NOT_FOUND` certainly absent · `MISSING_CONTENT` an image lacks content (`missing` lists it)
 * - `UNREACHABLE` nobody answers at the socket · `DENIED` we may not use it · `TIMEOUT` it is silent
 * - `UNSUPPORTED_VERSION` who answers does not know the call: too old, or no containerd
 * - `INTERRUPTED` the connection broke on the way · `ABORTED` we were told to stop
 * - `CONTENT_MISMATCH` size or digest differ · `TOO_LARGE` over a limit · `PROTOCOL` an answer without sense
 * - `UNAUTHORIZED` a registry wants other credentials of the daemon · `RATE_LIMITED` it asked a registry too often
 * - `REGISTRY_UNREACHABLE` the daemon found no way to the registry, or does not trust it
 * - `REFUSED` any other no of the daemon
 */
export type ContainerdErrorCode =
  | 'NOT_FOUND'
  | 'MISSING_CONTENT'
  | 'UNREACHABLE'
  | 'DENIED'
  | 'TIMEOUT'
  | 'UNSUPPORTED_VERSION'
  | 'INTERRUPTED'
  | 'ABORTED'
  | 'CONTENT_MISMATCH'
  | 'TOO_LARGE'
  | 'PROTOCOL'
  | 'UNAUTHORIZED'
  | 'RATE_LIMITED'
  | 'REGISTRY_UNREACHABLE'
  | 'REFUSED';

/** Worth another try as they are. */
const RETRIABLE: ReadonlySet<ContainerdErrorCode> = new Set([
  'UNREACHABLE',
  'INTERRUPTED',
  'TIMEOUT',
  'RATE_LIMITED',
  'REGISTRY_UNREACHABLE',
]);

interface ContainerdErrorDetails {
  readonly code: ContainerdErrorCode;
  /** What was tried, as a verb with its object: `read sha256:… from containerd`. */
  readonly operation: string;
  readonly missing?: readonly Digest[];
  readonly cause?: unknown;
}

export class ContainerdError extends Error {
  override readonly name = 'ContainerdError';
  readonly code: ContainerdErrorCode;
  readonly operation: string;
  readonly missing: readonly Digest[];

  constructor(why: string, { code, operation, missing = [], cause }: ContainerdErrorDetails) {
    super(`Cannot ${operation}: ${why}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.operation = operation;
    this.missing = missing;
  }

  get retriable(): boolean {
    return RETRIABLE.has(this.code);
  }
}

export function hasCode(error: unknown, ...codes: readonly ContainerdErrorCode[]): boolean {
  return error instanceof ContainerdError && codes.includes(error.code);
}
