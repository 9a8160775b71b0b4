import {
  DOCKER_HUB,
  familiarReference,
  LONGEST_NAME,
  type Reference,
  readReference,
} from '../image/reference.ts';
import { baseName } from './basename.ts';
import { flatName } from './flat.ts';
import type { ImageMap } from './image-map.ts';
import { keepHostName } from './keep-host.ts';
import { flatOwner, isNamespace, nestedOwner } from './owner.ts';
import type { Prefix } from './prefix.ts';

/**
 * How copies are called that are called by a rule: `keep-host` for registries with nested paths, `flat` for those with two
 * levels, `basename` as the last component of the source, which other sources may have, too.
 */
export type Scheme = 'keep-host' | 'flat' | 'basename';

interface Place {
  /** Below it are the copies that we make. */
  readonly prefix: Prefix;
  /** Copies that a namespace made with credentials of its own are kept apart. Default: there are none. */
  readonly apart?: boolean;
}

export interface NamingByRule extends Place {
  readonly scheme: Scheme;
}

interface NamingByMap extends Place {
  readonly scheme: 'map';
  readonly map: ImageMap;
}

/** Where copies live and what they are called. */
export type Naming = NamingByRule | NamingByMap;

const NAMES = { 'keep-host': keepHostName, flat: flatName, basename: baseName } as const;
const OWN = { 'keep-host': nestedOwner, flat: flatOwner, basename: flatOwner } as const;
/** Copies of a namespace's own are never where a map leads everybody. */
const OWN_BY_MAP = 'keep-host';

/** Docker Hub has users and repositories below them, no third level. */
export function defaultScheme(prefix: Prefix): Scheme {
  return prefix.host === DOCKER_HUB ? 'flat' : 'keep-host';
}

/** An image, as it is written and what that means. */
export interface Written {
  readonly text: string;
  readonly source: Reference;
}

/** What takes the place of an image. @returns undefined where a map leaves it as it is */
export function nameOf({ text, source }: Written, naming: Naming): Reference | undefined {
  if (naming.scheme !== 'map') return backupOf(source, naming);
  const target = naming.map.targetOf(text);
  return target === undefined ? undefined : readReference(target);
}

/** May it be the name of another source as well? */
export function isShared({ scheme }: Naming): boolean {
  return scheme === 'basename' || scheme === 'map';
}

/**
 * The reference that a copy of `source` gets; tag and digest stay. With `keep-host` and `flat` two different sources
 * never share one. Written into a workload in its familiar form.
 */
export function backupOf(source: Reference, naming: NamingByRule): Reference {
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
  const own = scheme === 'map' ? OWN_BY_MAP : scheme;
  return isNamespace(namespace) ? under(prefix, OWN[own](namespace), source, own) : undefined;
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
  const copies = [
    nameOf({ text: source, source: original }, naming),
    ownBackupOf(original, namespace, naming),
  ];
  return copies
    .filter((copy) => copy !== undefined)
    .map(familiarReference)
    .some((copy) => image === copy || (original.digest === undefined && isPinned(image, copy)));
}

/** The same name, and a digest behind it. */
function isPinned(image: string, name: string): boolean {
  return image.startsWith(`${name}@`) && readReference(image) !== undefined;
}
