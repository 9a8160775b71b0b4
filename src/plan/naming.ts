import {
  DOCKER_HUB,
  familiarReference,
  LONGEST_NAME,
  type Reference,
  readReference,
} from '../image/reference.ts';
import { flatName } from './flat.ts';
import { keepHostName } from './keep-host.ts';
import { flatOwner, isNamespace, nestedOwner } from './owner.ts';
import type { Prefix } from './prefix.ts';

/** How copies are called: `keep-host` for registries with nested paths, `flat` for those with two levels. */
export type Scheme = 'keep-host' | 'flat';

/** Where copies live and what they are called. */
export interface Naming {
  readonly prefix: Prefix;
  readonly scheme: Scheme;
  /** Copies that a namespace made with credentials of its own are kept apart. Default: there are none. */
  readonly apart?: boolean;
}

const NAMES = { 'keep-host': keepHostName, flat: flatName } as const;
const OWN = { 'keep-host': nestedOwner, flat: flatOwner } as const;

/** Docker Hub has users and repositories below them, no third level. */
export function defaultScheme(prefix: Prefix): Scheme {
  return prefix.host === DOCKER_HUB ? 'flat' : 'keep-host';
}

/**
 * The reference that a copy of `source` gets; tag and digest stay. Two different sources never share one.
 * Written into a workload in its familiar form.
 */
export function backupOf(source: Reference, naming: Naming): Reference {
  return under(naming.prefix, '', source, naming.scheme);
}

/**
 * What the copy is called that a namespace made with credentials of its own. Two namespaces never share one, and none is
 * called as everybody's copy of any source.
 * @returns undefined for what is no namespace
 */
export function ownBackupOf(
  source: Reference,
  namespace: string,
  { prefix, scheme }: Naming,
): Reference | undefined {
  return isNamespace(namespace) ? under(prefix, OWN[scheme](namespace), source, scheme) : undefined;
}

/** `own` is what stands between the prefix and a name for those who share it with nobody. */
function under(prefix: Prefix, own: string, source: Reference, scheme: Scheme): Reference {
  const start = (prefix.path === '' ? '' : `${prefix.path}/`) + own;
  const room = LONGEST_NAME - `${prefix.host}/${start}`.length;
  return { ...source, host: prefix.host, path: start + NAMES[scheme](source, room) };
}

/**
 * Is `image` what a copy of `source` is called, everybody's or the namespace's own? Both are texts from an object: neither
 * need be readable.
 */
export function isCopyOf(source: string, image: string, naming: Naming, namespace = ''): boolean {
  const original = readReference(source);
  if (original === undefined) return false;
  const copies = [backupOf(original, naming), ownBackupOf(original, namespace, naming)];
  return copies
    .filter((copy) => copy !== undefined)
    .map(familiarReference)
    .some((copy) => image === copy || (original.digest === undefined && isPinned(image, copy)));
}

/** The same name, and a digest behind it. */
function isPinned(image: string, name: string): boolean {
  return image.startsWith(`${name}@`) && readReference(image) !== undefined;
}
