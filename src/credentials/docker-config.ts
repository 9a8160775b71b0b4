import { isRecord, isTextRecord } from '../image/descriptor.ts';
import { readAuthConfig } from './auth-config.ts';
import { CredentialError } from './credential-error.ts';
import { canonicalHost } from './docker-hub.ts';
import { Keyring, type KeyringEntry, parseKey } from './keyring.ts';
import { formatMatchImage } from './match-image.ts';
import { parseJsonObject } from './text-file.ts';

/** What Docker's `config.json` says of credentials; Kubernetes calls the same text `.dockerconfigjson`. */
export interface DockerConfig {
  readonly auths: Keyring;
  /** `credHelpers`: registry host → name of the helper that serves it. */
  readonly helpers: ReadonlyMap<string, string>;
  /** `credsStore`: the helper for every other registry. */
  readonly store?: string;
}

/**
 * A broken entry breaks only the repositories it matches; a file that is broken as a whole is refused.
 * @param place the file
 * @throws CredentialError
 */
export function parseDockerConfig(text: string, place: string): DockerConfig {
  const { auths, credHelpers, credsStore } = parseJsonObject(text, place);
  const keyring = readAuths(auths ?? {}, place);
  const helpers = credHelpers ?? {};
  const store = credsStore ?? '';
  if (!isTextRecord(helpers)) throw new CredentialError(place, 'wanted an object of texts in "credHelpers"');
  if (typeof store !== 'string') throw new CredentialError(place, 'wanted text in "credsStore"');
  return { auths: keyring, helpers: readHelpers(helpers), ...(store !== '' && { store }) };
}

/**
 * The form before Docker 1.7, which Secrets of type `kubernetes.io/dockercfg` still have: the entries alone.
 * @throws CredentialError
 */
export function parseDockercfg(text: string, place: string): DockerConfig {
  return { auths: readAuths(parseJsonObject(text, place), place), helpers: new Map() };
}

function readAuths(auths: unknown, place: string): Keyring {
  if (!isRecord(auths)) throw new CredentialError(place, 'wanted an object in "auths"');
  return new Keyring(Object.entries(auths).flatMap(([key, value]) => readEntry(key, value, place)));
}

function readEntry(key: string, value: unknown, place: string): KeyringEntry[] {
  const pattern = parseKey(key);
  if (pattern === undefined) return [];
  // The key is shown as it was understood: as it was written it may begin with a user name and a password.
  const found = readAuthConfig(value, `${place}, entry ${formatMatchImage(pattern)}`);
  return found === undefined ? [] : [{ key, found }];
}

function readHelpers(helpers: Record<string, string>): Map<string, string> {
  return new Map(Object.entries(helpers).map(([key, name]) => [hostOf(key), name]));
}

/** Docker matches these keys by the host alone, which some tools write as a URL. */
function hostOf(key: string): string {
  const pattern = parseKey(key);
  return pattern === undefined ? key : canonicalHost(formatMatchImage({ ...pattern, path: '' }));
}
