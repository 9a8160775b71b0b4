import { LONGEST_NAME, type Reference } from '../image/reference.ts';
import { OWNERS } from './host-component.ts';
import { formatPrefix, InvalidPrefixError, type Prefix } from './prefix.ts';

/** Begins the names of namespaces' own copies where there is one level: no namespace and no slug has a `_`. */
export const FLAT_OWNERS = 'ns__';

/** A namespace is a DNS label (RFC 1123), and who calls the webhook need not be the API server. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const LONGEST_NAMESPACE = 'a'.repeat(63);
/** A name needs a character of its own, '-' and a sha256 in hex, whatever it is cut to. */
const SHORTEST_NAME = 1 + 1 + 64;

const NESTED = new RegExp(`^${OWNERS}/(?<namespace>[^/]+)/`);
const FLAT = new RegExp(`^${FLAT_OWNERS}(?<namespace>[a-z0-9-]+)__`);

export function isNamespace(text: string): boolean {
  return NAMESPACE.test(text);
}

/** What stands before the names of a namespace's own copies: `ns/<namespace>/`. */
export function nestedOwner(namespace: string): string {
  return `${OWNERS}/${namespace}/`;
}

/** The same within one component: `ns__<namespace>__`. */
export function flatOwner(namespace: string): string {
  return `${FLAT_OWNERS}${namespace}__`;
}

/**
 * The namespace whose own an image is by its name, in either scheme: it may have been another one once.
 * @returns undefined for what is everybody's, or lives elsewhere
 */
export function ownerOf(image: Pick<Reference, 'host' | 'path'>, { host, path }: Prefix): string | undefined {
  const start = path === '' ? '' : `${path}/`;
  if (image.host !== host || !image.path.startsWith(start)) return undefined;
  const name = image.path.slice(start.length);
  return (NESTED.exec(name) ?? FLAT.exec(name))?.groups?.['namespace'];
}

/**
 * A name that is cut must not lose whose it is. The room is that of `flat`, which takes two characters more.
 * @throws InvalidPrefixError
 */
export function checkRoomForOwners(prefix: Prefix): void {
  const { length } = formatPrefix(prefix);
  const most = LONGEST_NAME - `/${flatOwner(LONGEST_NAMESPACE)}`.length - SHORTEST_NAME;
  if (length > most)
    throw new InvalidPrefixError(
      `wanted at most ${most} characters, so that namespaces can have copies of their own, got ${length}`,
    );
}
