/**
 * What went wrong at a Docker daemon, in words that stay the same:
 * - `UNREACHABLE` no socket is there, or nobody listens behind it · `DENIED` we may not use the socket
 * - `UNSUPPORTED_VERSION` the daemon speaks no API version that we speak
 * - `NOT_FOUND` the daemon, or the registry that it asked, does not have it
 * - `UNAUTHORIZED` a registry wants other credentials of the daemon · `RATE_LIMITED` it asked a registry too often
 * - `REGISTRY_UNREACHABLE` the daemon found no way to the registry, or does not trust it
 * - `INTERRUPTED` the daemon went away in the middle of its answer · `TIMEOUT` it was silent for too long
 * - `ABORTED` we were told to stop · `TOO_LARGE` an answer over a limit of ours
 * - `PROTOCOL` an answer that the API does not know · `REFUSED` any other 4xx: it would say so again
 * - `FAILED` the daemon tried and could not; its message says why
 */
type DockerErrorCode =
  | 'UNREACHABLE'
  | 'DENIED'
  | 'UNSUPPORTED_VERSION'
  | 'NOT_FOUND'
  | 'UNAUTHORIZED'
  | 'RATE_LIMITED'
  | 'REGISTRY_UNREACHABLE'
  | 'INTERRUPTED'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'TOO_LARGE'
  | 'PROTOCOL'
  | 'REFUSED'
  | 'FAILED';

/** Worth another try as they are; everything else would fail in the same way. */
const RETRIABLE: ReadonlySet<DockerErrorCode> = new Set([
  'UNREACHABLE',
  'RATE_LIMITED',
  'REGISTRY_UNREACHABLE',
  'INTERRUPTED',
  'TIMEOUT',
]);

interface DockerErrorDetails {
  readonly code: DockerErrorCode;
  /** What was tried, as a verb with its object: `push host/path:tag from the Docker daemon`. */
  readonly operation: string;
  readonly status?: number;
  readonly cause?: unknown;
}

export class DockerError extends Error {
  override readonly name = 'DockerError';
  readonly code: DockerErrorCode;
  readonly operation: string;
  readonly status: number | undefined;

  constructor(why: string, { code, operation, status, cause }: DockerErrorDetails) {
    super(`Cannot ${operation}: ${why}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.operation = operation;
    this.status = status;
  }

  get retriable(): boolean {
    return RETRIABLE.has(this.code);
  }
}

/** Longest part of a daemon's message that is repeated: it may quote a whole page of a proxy. */
const LONGEST_MESSAGE = 500;

/**
 * What registries and networks said, as the daemon repeats it. Both image stores put it into words of their own and
 * into any status, so that the words say more than the status.
 */
const SAID: readonly (readonly [RegExp, DockerErrorCode])[] = [
  [/toomanyrequests|too many requests|rate limit/i, 'RATE_LIMITED'],
  [
    /unauthorized|authentication required|no basic auth credentials|authorization failed|access denied|denied: |is denied|forbidden/i,
    'UNAUTHORIZED',
  ],
  [
    /connection refused|no such host|i\/o timeout|no route to host|network is unreachable|handshake|x509|deadline exceeded|HTTP response to HTTPS/i,
    'REGISTRY_UNREACHABLE',
  ],
  [/not found|no such image|does not exist|manifest unknown|name unknown/i, 'NOT_FOUND'],
];

/** What the daemon says went wrong, by `status` before its answer began or inside an answer that had begun well. */
export function daemonSaid(message: string, operation: string, status?: number): DockerError {
  const said = message.trim();
  const why = said.length > LONGEST_MESSAGE ? `${said.slice(0, LONGEST_MESSAGE)}…` : said;
  const code = SAID.find(([words]) => words.test(said))?.[1] ?? meaningOfStatus(status);
  return new DockerError(why || `it answered ${status}`, {
    code,
    operation,
    ...(status !== undefined && { status }),
  });
}

function meaningOfStatus(status = 500): DockerErrorCode {
  if (status === 404) return 'NOT_FOUND';
  if (status >= 500) return 'FAILED';
  return status >= 400 ? 'REFUSED' : 'PROTOCOL';
}

/** Is this the error of something that is not there? */
export function isNotFound(error: unknown): boolean {
  return error instanceof DockerError && error.code === 'NOT_FOUND';
}
