import { DOCKER_HUB, LONGEST_NAME, parseReference, type Reference } from '../image/reference.ts';

/** Registry host and repository path under which all copies live. The path may be empty. */
export interface Prefix {
  readonly host: string;
  readonly path: string;
}

export class InvalidPrefixError extends Error {
  override readonly name = 'InvalidPrefixError';
  readonly code = 'INVALID_PREFIX';

  constructor(why: string, options?: ErrorOptions) {
    super(`Cannot choose the backup registry: ${why}`, options);
  }
}

/** A name below the prefix needs '/', a character of its own, '-' and a sha256 in hex. */
const LONGEST_PREFIX = LONGEST_NAME - 1 - 1 - 1 - 64;
/** Completes a prefix to a reference. Two components, because Docker Hub adds `library/` to a single one. */
const PROBE = '/a/a';

/**
 * Makes the prefix of what the operator gave.
 * @param registry `REGISTRY`: with a path it is used as it is; without one the user is the path; unset it is Docker Hub
 * @param user name that the backup registry knows us by
 * @throws InvalidPrefixError
 */
export function parsePrefix(registry: string | undefined, user: string | undefined): Prefix {
  if (!registry && !user) {
    throw new InvalidPrefixError(
      'set REGISTRY to "host/path", or give the user name of Docker Hub as "username" in REGISTRY_AUTH_DIR',
    );
  }
  const given = readPrefix((registry || DOCKER_HUB).replace(/\/+$/, ''));
  if (given.path !== '') return given;
  // User names of Docker Hub are lower case in paths, whatever is typed at a login.
  if (user) return readPrefix(`${given.host}/${user.toLowerCase()}`);
  return refuseWholeDockerHub(given);
}

function readPrefix(text: string): Prefix {
  const { host, path } = readReference(text);
  const prefix = { host, path: path.slice(0, Math.max(0, path.length - PROBE.length)) };
  const { length } = formatPrefix(prefix);
  if (length > LONGEST_PREFIX) {
    throw new InvalidPrefixError(`wanted at most ${LONGEST_PREFIX} characters, got ${length}`);
  }
  return prefix;
}

function readReference(text: string): Reference {
  try {
    return parseReference(text + PROBE);
  } catch (cause) {
    throw new InvalidPrefixError(
      `set REGISTRY to "host/path", without scheme, tag and digest: current value is ${JSON.stringify(text)}`,
      { cause },
    );
  }
}

/** Without a path every image of Docker Hub would count as a copy already. */
function refuseWholeDockerHub(prefix: Prefix): Prefix {
  if (prefix.host !== DOCKER_HUB) return prefix;
  throw new InvalidPrefixError(
    `set REGISTRY to "${DOCKER_HUB}/<user>", or give the user name as "username" in REGISTRY_AUTH_DIR`,
  );
}

/** `registry.example.com/backup`. */
export function formatPrefix({ host, path }: Prefix): string {
  return path === '' ? host : `${host}/${path}`;
}

/** Does the image live under the prefix already? `backup` is no prefix of `backups/app`. */
export function isBackup(reference: Pick<Reference, 'host' | 'path'>, { host, path }: Prefix): boolean {
  return reference.host === host && (path === '' || reference.path.startsWith(`${path}/`));
}
