import type { Settings } from '../config/configuration.ts';
import { hostUnder } from '../config/setting.ts';
import { RegistryAuth } from '../credentials/registry-auth.ts';
import { defaultScheme, type Naming } from '../plan/naming.ts';
import { parsePrefix } from '../plan/prefix.ts';
import { readImageMap } from './image-map.ts';

/** Where copies live, by the settings and, where these name only a host, by the user of the backup registry. */
export function readNaming(settings: Settings['registry']): Promise<Naming> {
  return namingOf(settings, new RegistryAuth({ dir: settings.authDir, observe: () => {} }));
}

/**
 * The user name is asked for only where the prefix needs it: with a path of its own it does not.
 * @throws InvalidPrefixError, CredentialError, ConfigError
 */
export async function namingOf(
  settings: Settings['registry'],
  auth: Pick<RegistryAuth, 'user'>,
): Promise<Naming> {
  const { prefix: registry, naming } = settings;
  const map = await readImageMap(settings);
  // A map says in full where images go: nobody's name is put before that.
  const isComplete = registry?.includes('/') || map !== undefined;
  const user = isComplete ? undefined : await auth.user(registry && hostUnder(registry));
  const prefix = parsePrefix(registry, user);
  if (map !== undefined) return { prefix, scheme: 'map', map };
  return { prefix, scheme: naming === undefined || naming === 'map' ? defaultScheme(prefix) : naming };
}
