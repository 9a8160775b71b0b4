import type { Settings } from '../config/configuration.ts';
import { hostUnder } from '../config/setting.ts';
import { RegistryAuth } from '../credentials/registry-auth.ts';
import { defaultScheme, type Naming } from '../plan/naming.ts';
import { checkRoomForOwners } from '../plan/owner.ts';
import { parsePrefix } from '../plan/prefix.ts';
import { readImageMap } from './image-map.ts';

/** Where copies live, by the settings and, where these name only a host, by the user of the backup registry. */
export function readNaming(settings: NamingSettings): Promise<Naming> {
  return namingOf(settings, new RegistryAuth({ dir: settings.registry.authDir, observe: () => {} }));
}

type NamingSettings = Pick<Settings, 'registry' | 'access'>;

/**
 * The user name is asked for only where the prefix needs it: with a path of its own it does not.
 * @throws InvalidPrefixError, CredentialError, ConfigError
 */
export async function namingOf(
  { registry: settings, access }: NamingSettings,
  auth: Pick<RegistryAuth, 'user'>,
): Promise<Naming> {
  const { prefix: registry, naming } = settings;
  const map = await readImageMap(settings);
  // A map says in full where images go: nobody's name is put before that.
  const isComplete = registry?.includes('/') || map !== undefined;
  const user = isComplete ? undefined : await auth.user(registry && hostUnder(registry));
  const prefix = parsePrefix(registry, user);
  const apart = access.pullSecrets && !access.shared;
  if (apart) checkRoomForOwners(prefix);
  if (map !== undefined) return { prefix, apart, scheme: 'map', map };
  const scheme = naming === undefined || naming === 'map' ? defaultScheme(prefix) : naming;
  return { prefix, apart, scheme };
}
