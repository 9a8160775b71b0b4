import { isRecord } from '../image/descriptor.ts';
import { credentialOf } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import { parseDuration } from './duration.ts';
import type { Found } from './found.ts';
import type { KeyringEntry } from './keyring.ts';
import { formatMatchImage, parseMatchImage } from './match-image.ts';
import { PROVIDER_API_VERSION, readApiVersion } from './provider-api-version.ts';
import { parseJsonObject } from './text-file.ts';

/** What a plugin answered (`CredentialProviderResponse`, credentialprovider.kubelet.k8s.io/v1). */
export interface CredentialProviderResponse {
  /** For what the answer may be repeated: the image asked about, any image of its registry, any image at all. */
  readonly cacheKeyType: CacheKeyType;
  /** Absent: the configuration's default. */
  readonly cacheMs?: number;
  readonly auth: readonly KeyringEntry[];
}

const CACHE_KEY_TYPES = ['Image', 'Registry', 'Global'] as const;

type CacheKeyType = (typeof CACHE_KEY_TYPES)[number];

/**
 * @param place the plugin, for errors
 * @throws CredentialError
 */
export function parseCredentialProviderResponse(output: string, place: string): CredentialProviderResponse {
  const response = parseJsonObject(output, place);
  const { apiVersion, kind, cacheDuration, auth } = response;
  const cacheKeyType = CACHE_KEY_TYPES.find((type) => type === response['cacheKeyType']);
  if (kind !== 'CredentialProviderResponse') throw fault(place, 'kind', '"CredentialProviderResponse"');
  if (readApiVersion(apiVersion) === undefined) throw fault(place, 'apiVersion', `"${PROVIDER_API_VERSION}"`);
  if (cacheKeyType === undefined) throw fault(place, 'cacheKeyType', '"Image", "Registry" or "Global"');
  return { cacheKeyType, auth: readAuth(auth ?? {}, place), ...readCache(cacheDuration, place) };
}

/** Quotes nothing of the answer: in a garbled one a password may stand anywhere. */
function fault(place: string, field: string, wanted: string): CredentialError {
  return new CredentialError(place, `wanted ${wanted} as "${field}" of the answer`);
}

function readCache(duration: unknown, place: string): { cacheMs?: number } {
  if (duration === undefined || duration === null) return {};
  const cacheMs = parseDuration(duration);
  if (cacheMs === undefined) throw fault(place, 'cacheDuration', 'a duration like "12h"');
  return { cacheMs };
}

function readAuth(auth: unknown, place: string): KeyringEntry[] {
  if (!isRecord(auth)) throw fault(place, 'auth', 'an object');
  return Object.entries(auth).flatMap(([key, value]) => {
    const found = readEntry(key, value, place);
    return found === undefined ? [] : [{ key, found }];
  });
}

function readEntry(key: string, value: unknown, place: string): Found | undefined {
  const { username, password } = isRecord(value) ? { username: '', password: '', ...value } : {};
  if (typeof username === 'string' && typeof password === 'string') return credentialOf(username, password);
  const pattern = parseMatchImage(key);
  const where = pattern === undefined ? 'auth' : `auth of ${formatMatchImage(pattern)}`;
  return new CredentialError(place, `wanted text in "username" and "password" of ${where}`);
}
