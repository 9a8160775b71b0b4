import {
  DOCKER_HUB,
  familiarReference,
  LONGEST_NAME,
  type Reference,
  readReference,
} from '../image/reference.ts';
import { flatName } from './flat.ts';
import { keepHostName } from './keep-host.ts';
import { formatPrefix, type Prefix } from './prefix.ts';

/** How copies are called: `keep-host` for registries with nested paths, `flat` for those with two levels. */
export type Scheme = 'keep-host' | 'flat';

/** Where copies live and what they are called. */
export interface Naming {
  readonly prefix: Prefix;
  readonly scheme: Scheme;
}

const NAMES = { 'keep-host': keepHostName, flat: flatName } as const;

/** Docker Hub has users and repositories below them, no third level. */
export function defaultScheme(prefix: Prefix): Scheme {
  return prefix.host === DOCKER_HUB ? 'flat' : 'keep-host';
}

/**
 * The reference that a copy of `source` gets; tag and digest stay. Two different sources never share one.
 * Written into a workload in its familiar form.
 */
export function backupOf(source: Reference, { prefix, scheme }: Naming): Reference {
  const room = LONGEST_NAME - formatPrefix(prefix).length - 1;
  const name = NAMES[scheme](source, room);
  return { ...source, host: prefix.host, path: prefix.path === '' ? name : `${prefix.path}/${name}` };
}

/** Is `image` what a copy of `source` is called? Both are texts from an object: neither need be readable. */
export function isCopyOf(source: string, image: string, naming: Naming): boolean {
  const original = readReference(source);
  if (original === undefined) return false;
  const copy = familiarReference(backupOf(original, naming));
  return image === copy || (original.digest === undefined && isPinned(image, copy));
}

/** The same name, and a digest behind it. */
function isPinned(image: string, name: string): boolean {
  return image.startsWith(`${name}@`) && readReference(image) !== undefined;
}
