import { ConfigError } from '../config-error.ts';
import { parseManifests } from '../file.ts';
import { hostUnder } from '../setting.ts';
import { startedBy } from './container-environment.ts';
import type { Migration } from './migration.ts';

const FLAGS = { 'tls-cert-file': 'certFile', 'tls-private-key-file': 'keyFile' } as const;
/** Ours: what is the same is left out. */
const OURS = { certFile: '/tls/tls.crt', keyFile: '/tls/tls.key' } as const;

/**
 * Manifests of the image-cloner that was written in Go: `REGISTRY`, `--tls-cert-file`, `--tls-private-key-file`. Its
 * Secret `registry-auth` is read as it is, and not here.
 * @throws ConfigError
 */
export async function fromImageCloner(text: string, where: string): Promise<Migration> {
  const { variables, args } = startedBy(await parseManifests(text, where));
  const registry = variables.get('REGISTRY')?.replace(/\/+$/, '') ?? '';
  if (registry !== '' && hostUnder(registry) === undefined)
    throw new ConfigError([
      { at: `${where}: REGISTRY`, what: `got "${registry}", wanted a registry with an optional path` },
    ]);
  const tls = tlsOf(args);
  return {
    settings: {
      registry: { ...(registry !== '' && { prefix: registry }), naming: 'basename' },
      ...(Object.keys(tls).length > 0 && { tls }),
    },
    notes: [
      'Mount the Secret registry-auth at /auth as before: the user name in it stands between registry and image.',
      'Where two sources have the same last component the copy of the second is refused, and told; the first program overwrote the first. Copies that it made are used once they are seen to be what the source has.',
      'naming: flat keeps the names of official images, gives all others names of their own, and never refuses one.',
      'Every kind of workload is handled, and init containers, not Deployments and DaemonSets alone. No docker.sock is needed: take the privileges and the volume away.',
    ],
  };
}

function tlsOf(args: readonly string[]): Readonly<Record<string, string>> {
  const found = Object.entries(FLAGS).flatMap(([flag, key]) => {
    const value = valueOf(flag, args);
    return value === undefined || value === OURS[key] ? [] : [[key, value] as const];
  });
  return Object.fromEntries(found);
}

/** As Go writes flags: one dash or two, and the value behind `=` or as the next argument. */
function valueOf(flag: string, args: readonly string[]): string | undefined {
  const is = new RegExp(`^--?${flag}(?:=(?<value>.*))?$`);
  const at = args.findIndex((arg) => is.test(arg));
  return at < 0 ? undefined : (is.exec(args[at] ?? '')?.groups?.['value'] ?? args[at + 1]);
}
