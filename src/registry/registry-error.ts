/**
 * What went wrong at a registry, in words that stay the same:
 * - `NOT_FOUND` certainly absent · `UNAUTHORIZED` no credential was accepted · `DENIED` known, and not allowed
 * - `RATE_LIMITED` asked too often · `UNAVAILABLE` it failed (5xx) · `UNREACHABLE` no connection, or it broke
 * - `UNTRUSTED` its certificate cannot be believed · `TIMEOUT` silent or slow for too long · `ABORTED` we were told to stop
 * - `CONTENT_MISMATCH` size or digest differ · `TOO_LARGE` over a limit, ours or the registry's
 * - `PROTOCOL` an answer the spec does not know · `FORBIDDEN_HOP` an address, redirect or realm that must not be followed
 * - `MISSING_CONTENT` a manifest names content that the registry does not have (yet)
 * - `INVALID_MANIFEST` it does not take this manifest, or finds its parts missing and says so in this way (Artifactory)
 * - `REFUSED` any other 4xx: retrying does not help
 */
export type RegistryErrorCode =
  | 'NOT_FOUND'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'RATE_LIMITED'
  | 'UNAVAILABLE'
  | 'UNREACHABLE'
  | 'UNTRUSTED'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'CONTENT_MISMATCH'
  | 'TOO_LARGE'
  | 'PROTOCOL'
  | 'FORBIDDEN_HOP'
  | 'MISSING_CONTENT'
  | 'INVALID_MANIFEST'
  | 'REFUSED';

/** Worth another try as they are; everything else would fail in the same way. */
const RETRIABLE: ReadonlySet<RegistryErrorCode> = new Set([
  'RATE_LIMITED',
  'UNAVAILABLE',
  'UNREACHABLE',
  'TIMEOUT',
]);

export interface RegistryErrorDetails {
  readonly code: RegistryErrorCode;
  /** What was tried, as a verb with its object: `push blob sha256:… to host/path`. */
  readonly operation: string;
  readonly status?: number;
  /** How long the registry asked us to stay away, in milliseconds. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  readonly operation: string;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;

  constructor(why: string, { code, operation, status, retryAfter, cause }: RegistryErrorDetails) {
    super(`Cannot ${operation}: ${why}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.operation = operation;
    this.status = status;
    this.retryAfter = retryAfter;
  }

  get retriable(): boolean {
    return RETRIABLE.has(this.code);
  }
}

/** True for errors of that code from any room: ports promise codes, not classes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
