import type { Credential } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import type { ObserveCredentials } from './event.ts';

/** What a place holds for a repository: a credential, or the fault that stands where one should be. */
export type Found = Credential | CredentialError;

/**
 * The credentials among what was found, in order, each one once. Faults beside a credential are told to `observe`.
 * @throws CredentialError the first fault, when there is nothing but faults
 */
export function usable(found: readonly Found[], observe?: ObserveCredentials): readonly Credential[] {
  const faults = found.filter(isFault);
  const credentials = found.filter((one): one is Credential => !isFault(one));
  if (credentials.length === 0 && faults[0] !== undefined) throw faults[0];
  for (const error of faults) observe?.({ type: 'passed-over', error });
  return [...new Map(credentials.map((credential) => [identityOf(credential), credential])).values()];
}

function isFault(found: Found): found is CredentialError {
  return found instanceof CredentialError;
}

/** Equal for equal credentials; lives in memory only. */
function identityOf(credential: Credential): string {
  const username = 'username' in credential ? credential.username : undefined;
  const secret = credential.kind === 'basic' ? credential.password : credential.token;
  return JSON.stringify([credential.kind, username, secret]);
}
