import type { Settings } from '../config/configuration.ts';
import { hostUnder } from '../config/setting.ts';
import { RegistryAuth } from '../credentials/registry-auth.ts';
import { defaultScheme, type Naming } from '../plan/naming.ts';
import { parsePrefix } from '../plan/prefix.ts';

/** Where copies live, by the settings and, where these name only a host, by the user of the backup registry. */
export function readNaming(settings: Settings['registry']): Promise<Naming> {
  return namingOf(settings, new RegistryAuth({ dir: settings.authDir, observe: () => {} }));
}

/**
 * The user name is asked for only where the prefix needs it: with a path of its own it does not.
 * @throws InvalidPrefixError, CredentialError
 */
export async function namingOf(
  { prefix: registry, naming }: Settings['registry'],
  auth: Pick<RegistryAuth, 'user'>,
): Promise<Naming> {
  const user = registry?.includes('/') ? undefined : await auth.user(registry && hostUnder(registry));
  const prefix = parsePrefix(registry, user);
  return { prefix, scheme: naming ?? defaultScheme(prefix) };
}
