import { RegistryError, type RegistryErrorCode } from './registry-error.ts';

/** What somebody wanted of a registry, and until when. */
export interface Wanted {
  readonly operation: string;
  readonly signal: AbortSignal;
}

const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
]);

/** Node's names for a certificate that was refused: `CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID` and their like. */
const CERTIFICATE = /CERT|INVALID_CA|HOSTNAME_MISMATCH|LEAF_SIGNATURE/;
/** Sockets, TLS, HTTP parsing, undici. */
const CONNECTION = /^(?:ECONN\w+|EPIPE|EPROTO|E(?:NET|HOST)UNREACH|ERR_SSL_\w+|HPE_\w+|UND_ERR_\w+)$/;

/** What a connection's failure means; errors that are ours already pass as they are. */
export function asRegistryError(error: unknown, { operation, signal }: Wanted): RegistryError {
  if (error instanceof RegistryError) return error;
  if (signal.aborted)
    return new RegistryError('stopped before it was done', { code: 'ABORTED', operation, cause: error });
  const why = error instanceof Error ? error.message || codeOf(error) : String(error);
  return new RegistryError(why, { code: meaningOf(error), operation, cause: error });
}

/** True for what sockets and undici throw, false for the errors of streams that we send. */
export function isConnectionFault(error: Error): boolean {
  const code = codeOf(error);
  return CONNECTION.test(code) || CERTIFICATE.test(code) || isTimeout(error) || error.name === 'AbortError';
}

function meaningOf(error: unknown): RegistryErrorCode {
  if (!(error instanceof Error)) return 'UNREACHABLE';
  if (isTimeout(error)) return 'TIMEOUT';
  return CERTIFICATE.test(codeOf(error)) ? 'UNTRUSTED' : meaningOfCode(codeOf(error));
}

/** A header or address that cannot be sent stays so, however often it is tried. */
function meaningOfCode(code: string): RegistryErrorCode {
  return code.startsWith('ERR_INVALID') || code === 'UND_ERR_INVALID_ARG' ? 'PROTOCOL' : 'UNREACHABLE';
}

function isTimeout(error: Error): boolean {
  return error.name === 'TimeoutError' || TIMEOUTS.has(codeOf(error));
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : '';
}
