import { isRecord, isTextRecord } from '../image/descriptor.ts';
import { type Credential, credentialOf } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import type { Found } from './found.ts';

/** The fields of Docker's `AuthConfig` that prove something (docker/cli, `cli/config/types`). */
const FIELDS = ['auth', 'username', 'password', 'identitytoken', 'registrytoken'] as const;

/** A registry token goes into a header as it is, so nothing may stand in it that could end the header. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;
/** Padding may be missing: Kubernetes reads both (credentialprovider, `decodeDockerConfigFieldAuth`). */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/**
 * Reads one entry of Docker's files. A registry token goes before an identity token, and that before a password; `auth`
 * goes before `username` and `password`.
 * @param place where it stands, for the fault
 * @returns undefined for an entry that holds nothing, as `docker login` leaves behind when a helper keeps the secret
 */
export function readAuthConfig(value: unknown, place: string): Found | undefined {
  if (!isRecord(value)) return new CredentialError(place, 'wanted an object');
  const config = Object.fromEntries(FIELDS.map((field) => [field, value[field] ?? '']));
  if (!isTextRecord(config)) return new CredentialError(place, `wanted text in ${FIELDS.join(', ')}`);
  return credentialIn(config, place);
}

function credentialIn(config: Record<string, string>, place: string): Found | undefined {
  const { identitytoken = '', registrytoken = '' } = config;
  if (registrytoken !== '') return registryToken(registrytoken, place);
  const user = userIn(config);
  if (identitytoken !== '') return identityToken(identitytoken, user?.username);
  if (user === undefined)
    return new CredentialError(place, 'wanted base64 of user name, ":" and password in "auth"');
  return credentialOf(user.username, user.password);
}

interface User {
  readonly username: string;
  readonly password: string;
}

function userIn({ auth = '', username = '', password = '' }: Record<string, string>): User | undefined {
  return auth === '' ? { username, password } : decodeAuth(auth);
}

function registryToken(token: string, place: string): Found {
  if (HEADER_SAFE.test(token)) return { kind: 'registry-token', token };
  return new CredentialError(place, 'wanted visible ASCII characters in "registrytoken"');
}

function identityToken(token: string, username = ''): Credential {
  return username === '' || username === '<token>'
    ? { kind: 'identity-token', token }
    : { kind: 'identity-token', token, username };
}

/** Splits at the first colon: a password may hold more of them, a user name none (RFC 7617, section 2). */
function decodeAuth(auth: string): User | undefined {
  const base64 = auth.replaceAll(/[\r\n]/g, '');
  if (!BASE64.test(base64)) return undefined;
  const [, username, password] = /^([^:]*):(.*)$/s.exec(decodeText(base64)) ?? [];
  if (username === undefined || password === undefined) return undefined;
  // Old clients padded what they encoded (docker/cli, `decodeAuth`).
  return { username, password: password.replace(/^\0+/, '').replace(/(?<!\0)\0+$/, '') };
}

/** Empty where the bytes are not UTF-8, and so without the colon that is wanted. */
function decodeText(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : '';
}
