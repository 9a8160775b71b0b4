import type { Credential, Repository } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import { type DockerConfig, parseDockerConfig, parseDockercfg } from './docker-config.ts';
import type { ObserveCredentials } from './event.ts';
import { usable } from './found.ts';
import { Keyring } from './keyring.ts';

/** One Secret, as it is written there. */
export interface PullSecretText {
  readonly form: keyof typeof PARSERS;
  readonly text: string;
  /** For faults: `secret shop/pull`. */
  readonly place: string;
}

const PARSERS = { dockerconfigjson: parseDockerConfig, dockercfg: parseDockercfg } as const;

/**
 * The credentials that pull secrets have for a repository, in the order in which the kubelet tries them. Credential
 * helpers that a Secret names are not run: who writes it does not decide what we execute.
 * @throws CredentialError when one that may be for the repository is broken and no other is for it
 */
export function pullSecretCredentials(
  secrets: readonly PullSecretText[],
  repository: Repository,
  observe?: ObserveCredentials,
): readonly Credential[] {
  const read = secrets.map(readSecret);
  const keyring = Keyring.of(read.flatMap((one) => ('auths' in one ? [one.auths] : [])));
  const faults = read.filter((one) => one instanceof CredentialError);
  return usable([...keyring.lookup(repository), ...faults], observe);
}

function readSecret({ form, text, place }: PullSecretText): DockerConfig | CredentialError {
  try {
    return PARSERS[form](text, place);
  } catch (error) {
    if (error instanceof CredentialError) return error;
    throw error;
  }
}
