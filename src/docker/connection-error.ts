import { DockerError } from './docker-error.ts';

/** Node's codes for a socket that is not there, or that nobody listens on. */
const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ENOTSOCK']);
const NOT_ALLOWED: ReadonlySet<string> = new Set(['EACCES', 'EPERM']);

/** What somebody wanted of the daemon, and until when. */
export interface Wanted {
  readonly operation: string;
  readonly signal: AbortSignal;
}

/** What a connection's failure means; errors that are ours already pass as they are. */
export function asDockerError(error: unknown, { operation, signal }: Wanted): DockerError {
  if (error instanceof DockerError) return error;
  if (signal.aborted)
    return new DockerError('stopped before it was done', { code: 'ABORTED', operation, cause: error });
  const code = codeOf(error);
  const why = error instanceof Error ? error.message || code : String(error);
  if (NOBODY.has(code)) return new DockerError(why, { code: 'UNREACHABLE', operation, cause: error });
  if (NOT_ALLOWED.has(code)) return new DockerError(why, { code: 'DENIED', operation, cause: error });
  if (code.startsWith('HPE_') || code.startsWith('ERR_'))
    return new DockerError(`wanted an answer of the Docker Engine API, got ${why}`, {
      code: 'PROTOCOL',
      operation,
      cause: error,
    });
  const gone = `the daemon went away before its answer was complete (${why})`;
  return new DockerError(gone, { code: 'INTERRUPTED', operation, cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
