import { isIPv6 } from 'node:net';
import { type Digest, hexOf, isDigest } from './digest.ts';

/**
 * A normalised image reference (distribution/reference, `ParseDockerRef`): what `alpine:3.12` means.
 * Neither tag nor digest never happens: `latest` is filled in. With both, the digest decides and the tag informs.
 */
export interface Reference {
  /** Lower case, with port if one was written; `docker.io` for Docker Hub. */
  readonly host: string;
  /** Repository path below the host: `library/alpine`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export class InvalidReferenceError extends Error {
  override readonly name = 'InvalidReferenceError';
  readonly code = 'INVALID_REFERENCE';

  constructor(text: string, why: string) {
    super(`Cannot read image reference ${JSON.stringify(text.slice(0, LONGEST_REFERENCE))}: ${why}`);
  }
}

export const DOCKER_HUB = 'docker.io';
/** The name under which Docker Hub was reached before 2015; still written, means the same. */
const DOCKER_HUB_LEGACY = 'index.docker.io';
const OFFICIAL = 'library';
const DEFAULT_TAG = 'latest';

/** distribution/reference, `RepositoryNameTotalLengthMax`: longest repository name, host included. */
export const LONGEST_NAME = 255;
const LONGEST_TAG = 128;
/** name + ':' + tag (128) + '@' + sha512 digest (135): nothing longer can be a reference. */
const LONGEST_REFERENCE = LONGEST_NAME + 1 + 128 + 1 + 135;

const TAG = /^\w[\w.-]{0,127}$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const HOST_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::\d{1,5})?$/i;
const HOST_IPV6 = /^\[([0-9a-f:]+)\](?::\d{1,5})?$/i;
/** 64 hex digits alone are an image id to Docker, not a repository name. */
const IMAGE_ID = /^[0-9a-f]{64}$/;

/**
 * Reads what a user may write after `image:`.
 * @throws InvalidReferenceError
 */
export function parseReference(text: string): Reference {
  if (text === '' || text.length > LONGEST_REFERENCE)
    throw new InvalidReferenceError(text, 'wanted 1 to 520 characters');
  const { rest, digest } = cutDigest(text);
  const { name, tag } = cutTag(text, rest);
  const { host, path } = splitHost(text, name);
  checkName(text, host, path);
  if (digest !== undefined) return tag === undefined ? { host, path, digest } : { host, path, tag, digest };
  return { host, path, tag: tag ?? DEFAULT_TAG };
}

/** The same for text that may be anything: undefined where it is no reference. */
export function readReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    // It has the one error.
    return undefined;
  }
}

function cutDigest(text: string): { rest: string; digest?: Digest } {
  const at = text.indexOf('@');
  if (at < 0) return { rest: text };
  const digest = text.slice(at + 1);
  if (!isDigest(digest))
    throw new InvalidReferenceError(text, `wanted a sha256, sha384 or sha512 digest after "@"`);
  return { rest: text.slice(0, at), digest };
}

function cutTag(text: string, rest: string): { name: string; tag?: string } {
  const colon = rest.lastIndexOf(':');
  // A colon before the last slash belongs to a port.
  if (colon <= rest.lastIndexOf('/')) return { name: rest };
  const tag = rest.slice(colon + 1);
  if (!TAG.test(tag))
    throw new InvalidReferenceError(text, 'wanted a tag of 1 to 128 word characters, "." or "-"');
  return { name: rest.slice(0, colon), tag };
}

function splitHost(text: string, name: string): { host: string; path: string } {
  if (IMAGE_ID.test(text))
    throw new InvalidReferenceError(text, 'wanted a name, not an image id of 64 hex digits');
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  if (!looksLikeHost(first)) return onDockerHub(name);
  const host = first.toLowerCase();
  const path = name.slice(slash + 1);
  return host === DOCKER_HUB || host === DOCKER_HUB_LEGACY ? onDockerHub(path) : { host, path };
}

/** Docker's rule: a first component is a host only if it cannot be a user name of Docker Hub. */
function looksLikeHost(first: string): boolean {
  return /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
}

function onDockerHub(path: string): { host: string; path: string } {
  return { host: DOCKER_HUB, path: path.includes('/') ? path : `${OFFICIAL}/${path}` };
}

function checkName(text: string, host: string, path: string): void {
  const fault = hostFault(host) ?? pathFault(path) ?? lengthFault(host, path);
  if (fault !== undefined) throw new InvalidReferenceError(text, fault);
}

function hostFault(host: string): string | undefined {
  if (HOST_NAME.test(host)) return undefined;
  const address = HOST_IPV6.exec(host)?.[1];
  if (address !== undefined && isIPv6(address)) return undefined;
  return `wanted a registry host, got ${JSON.stringify(host)}`;
}

function pathFault(path: string): string | undefined {
  const bad = path.split('/').find((component) => !PATH_COMPONENT.test(component));
  return bad === undefined
    ? undefined
    : `wanted lower-case letters and digits, joined by ".", "_" or "-", got ${JSON.stringify(bad)}`;
}

function lengthFault(host: string, path: string): string | undefined {
  const length = host.length + 1 + path.length;
  return length <= LONGEST_NAME
    ? undefined
    : `wanted a name of at most ${LONGEST_NAME} characters, got ${length}`;
}

/** `host/path`: the repository, without tag and digest. */
export function repositoryOf(reference: Pick<Reference, 'host' | 'path'>): string {
  return `${reference.host}/${reference.path}`;
}

/** The full form: `docker.io/library/alpine:3.12`. */
export function formatReference(reference: Reference): string {
  return repositoryOf(reference) + suffixOf(reference);
}

/** The form a user of Docker Hub writes: `docker.io/` and `library/` are left out where they mean nothing. */
export function familiarReference(reference: Reference): string {
  if (reference.host !== DOCKER_HUB) return formatReference(reference);
  const official = reference.path.startsWith(`${OFFICIAL}/`) && reference.path.split('/').length === 2;
  const name = official ? reference.path.slice(OFFICIAL.length + 1) : reference.path;
  // `docker.io/a.b/c` must keep its host, or `a.b` would be read as one.
  return (
    (looksLikeHost(name.split('/')[0] ?? '') && name.includes('/') ? repositoryOf(reference) : name) +
    suffixOf(reference)
  );
}

function suffixOf({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

/** What a registry is asked for: the digest if there is one, else the tag. */
export function identifierOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? DEFAULT_TAG;
}

export function isOfficial(reference: Reference): boolean {
  return reference.host === DOCKER_HUB && reference.path.startsWith(`${OFFICIAL}/`);
}

/** The tag under which a copy is kept: its own, or one made of its digest so that no registry collects it. */
export function anchorTagOf({ tag, digest }: Reference): string {
  return tag ?? (digest === undefined ? DEFAULT_TAG : digestTagOf(digest));
}

/** `digest-<hex>`: a tag that belongs to one digest for ever. */
export function digestTagOf(digest: Digest): string {
  const hex = hexOf(digest);
  // A tag has at most 128 characters: sha512 is cut, which leaves more than sha256 has.
  return `digest-${hex}`.slice(0, LONGEST_TAG);
}
