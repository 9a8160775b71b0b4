/**
 * What went wrong at the API server:
 * - `FORBIDDEN` we may not (RBAC) · `NOT_FOUND` there is no such object · `UNAUTHORIZED` it does not know us
 * - `UNAVAILABLE` it answered with any other fault · `UNREACHABLE` no answer, or none in time
 * - `NOT_CONFIGURED` nothing says where it is
 */
type KubeErrorCode =
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNREACHABLE'
  | 'NOT_CONFIGURED';

const CODES: Readonly<Record<number, KubeErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
};

/** Errors of the DOM have numbers below it as their code: that of a timeout is 23. */
const LEAST_STATUS = 100;

/** Neither message nor cause holds what the API server answered: it may be half of a Secret. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code: KubeErrorCode;
  /** HTTP status of the answer, where there was one. */
  readonly status: number | undefined;

  constructor(operation: string, why: string, code: KubeErrorCode, status?: number) {
    super(`Cannot ${operation}: ${why}`);
    this.code = code;
    this.status = status;
  }

  /** @param thrown by the client library: with the HTTP status as `code`, or a fault of the connection */
  static from(operation: string, thrown: unknown): KubeError {
    if (thrown instanceof KubeError) return thrown;
    const status: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
    if (typeof status !== 'number' || status < LEAST_STATUS)
      return new KubeError(operation, `no answer from the API server (${reasonOf(thrown)})`, 'UNREACHABLE');
    return KubeError.ofStatus(operation, status);
  }

  static ofStatus(operation: string, status: number): KubeError {
    const code = CODES[status] ?? 'UNAVAILABLE';
    return new KubeError(operation, `the API server answered ${status}`, code, status);
  }
}

/** `ECONNREFUSED`, `TimeoutError`: words of Node and of undici, with nothing of an answer in them. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'unknown';
  return wordOf(thrown) ?? wordOf(thrown.cause) ?? thrown.name;
}

function wordOf(thrown: unknown): string | undefined {
  const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}
