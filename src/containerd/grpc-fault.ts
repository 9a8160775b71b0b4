import { type ServiceError, status } from '@grpc/grpc-js';
import { ContainerdError, type ContainerdErrorCode } from './containerd-error.ts';

/** Longest text of a daemon that is passed on. */
const LONGEST_DETAILS = 500;

/** What a status means, unless its text says more (gRPC, `statuscodes.md`). */
const CODES: ReadonlyMap<status, ContainerdErrorCode> = new Map([
  [status.CANCELLED, 'INTERRUPTED'],
  [status.DEADLINE_EXCEEDED, 'TIMEOUT'],
  [status.NOT_FOUND, 'NOT_FOUND'],
  [status.PERMISSION_DENIED, 'DENIED'],
  [status.UNAUTHENTICATED, 'UNAUTHORIZED'],
  [status.RESOURCE_EXHAUSTED, 'TOO_LARGE'],
  // A range beyond the end of the content.
  [status.OUT_OF_RANGE, 'CONTENT_MISMATCH'],
  [status.UNIMPLEMENTED, 'UNSUPPORTED_VERSION'],
  [status.UNAVAILABLE, 'INTERRUPTED'],
  [status.INTERNAL, 'PROTOCOL'],
]);

/** Which words of the library tell more than its status does. The first that fits counts. */
const WORDS: readonly (readonly [status, RegExp, ContainerdErrorCode])[] = [
  [status.UNAVAILABLE, /\bE(?:ACCES|PERM)\b/, 'DENIED'],
  [status.UNAVAILABLE, /No connection established|\bE(?:NOENT|CONNREFUSED)\b/, 'UNREACHABLE'],
  // A stream that was cut without a last word.
  [status.INTERNAL, /RST_STREAM/, 'INTERRUPTED'],
];

const HINTS: Partial<Record<ContainerdErrorCode, string>> = {
  UNREACHABLE: 'nobody answers at the socket; is containerd running',
  DENIED: 'we may not use the socket; its owner is root',
  UNSUPPORTED_VERSION: 'who answers does not know the call; wanted containerd 1.6 or newer',
};

/** What registries and networks said, as the daemon repeats it: it puts their answers into any status. */
const REGISTRY_WORDS: readonly (readonly [RegExp, ContainerdErrorCode])[] = [
  [/toomanyrequests|too many requests|rate limit/i, 'RATE_LIMITED'],
  [/unauthorized|authorization failed|no basic auth|insufficient_scope|denied|forbidden/i, 'UNAUTHORIZED'],
  [
    /connection refused|no such host|i\/o timeout|no route to host|network is unreachable|x509|tls: |HTTP response to HTTPS/i,
    'REGISTRY_UNREACHABLE',
  ],
  [/not found|unknown/i, 'NOT_FOUND'],
];

/** Statuses that no registry is the reason of. */
const OF_THE_CALL: ReadonlySet<status> = new Set([status.CANCELLED, status.UNIMPLEMENTED]);

interface Call {
  readonly operation: string;
  readonly signal: AbortSignal;
  readonly asksRegistry?: boolean;
}

/** The error of a call that failed, in our words. */
export function faultOf(error: Error, { operation, signal, asksRegistry = false }: Call): ContainerdError {
  if (signal.aborted)
    return new ContainerdError('it was stopped', { code: 'ABORTED', operation, cause: signal.reason });
  const { code: grpcCode, details } = statusOf(error);
  const code = codeOf(grpcCode, details, asksRegistry);
  const hint = HINTS[code];
  const told = plain(details);
  return new ContainerdError(hint === undefined ? told : `${hint} (${told})`, {
    code,
    operation,
    cause: error,
  });
}

function statusOf(error: Error | ServiceError): Pick<ServiceError, 'code' | 'details'> {
  return 'details' in error ? error : { code: status.UNKNOWN, details: error.message };
}

function codeOf(code: status, details: string, asksRegistry: boolean): ContainerdErrorCode {
  const said = WORDS.find(([when, words]) => when === code && words.test(details));
  if (said !== undefined) return said[2];
  if (asksRegistry && !OF_THE_CALL.has(code))
    return REGISTRY_WORDS.find(([words]) => words.test(details))?.[1] ?? CODES.get(code) ?? 'REFUSED';
  return CODES.get(code) ?? 'REFUSED';
}

/** What the library says of a connection that it could not make, between words of its own. */
const CONNECTION = /^No connection established\. Last error: (?:Error: )?(?<cause>.*?)\.? Resolution note: /;

/** A daemon quotes the addresses it was sent to; what follows the question mark in them may be a signature. */
function plain(details: string): string {
  const cause = CONNECTION.exec(details)?.groups?.['cause'] ?? details;
  const bare = cause.replaceAll(/\?[^\s"'>]*/g, '?…');
  return bare.length > LONGEST_DETAILS ? `${bare.slice(0, LONGEST_DETAILS)}…` : bare || 'no reason given';
}
