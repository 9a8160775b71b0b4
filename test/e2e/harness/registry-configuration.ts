import { mkdirSync } from 'node:fs';
import type { CertificatePair } from '../../../tls/certificate.ts';
import { output } from './command.ts';
import { programOf } from './part.ts';
import type { WorkFolder } from './work-folder.ts';

/** Where it may write: a folder that goes with the tests, or another. */
type Folder = Pick<WorkFolder, 'file' | 'write'>;

export interface RegistryServerOptions {
  /** docker-registry is distribution 2.8; distribution is its version 3. Default: docker-registry. */
  readonly part?: 'docker-registry' | 'distribution';
  /** Folder of the blobs, which then outlives the server. Default: one that goes with it. */
  readonly storage?: string;
  /** Room for so many bytes and no more; such a storage is empty after each start. Default: what the disk has. */
  readonly storageBytes?: number;
  /** Name and password of each who may come in. Default: everybody may. */
  readonly users?: Readonly<Record<string, string>>;
  /** Speaks HTTPS with these. Default: plain HTTP. */
  readonly tls?: CertificatePair;
}

/**
 * Writes the configuration of a registry and the files it names (distribution, "Configuring a registry"; JSON is YAML).
 * @returns the path of the configuration
 */
export async function writeConfiguration(
  folder: Folder,
  host: string,
  options: RegistryServerOptions,
): Promise<string> {
  const configuration = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: storageOf(folder, options) }, delete: { enabled: true } },
    http: { addr: host, ...tlsSection(folder, options) },
    ...(await authSection(folder, options)),
  };
  return folder.write('configuration.json', JSON.stringify(configuration));
}

/** The folder of the blobs. */
export function storageOf(
  folder: Folder,
  { storage = folder.file('storage') }: RegistryServerOptions,
): string {
  mkdirSync(storage, { recursive: true });
  return storage;
}

function tlsSection(folder: Folder, { tls }: RegistryServerOptions): object {
  if (tls === undefined) return {};
  return {
    tls: { certificate: folder.write('tls.crt', tls.certificate), key: folder.write('tls.key', tls.key) },
  };
}

async function authSection(folder: Folder, { users }: RegistryServerOptions): Promise<object> {
  if (users === undefined) return {};
  const entries = await Promise.all(Object.entries(users).map(passwordEntry));
  const path = folder.write('htpasswd', entries.join('\n'));
  return { auth: { htpasswd: { realm: 'image-cloner-e2e', path } } };
}

/** `-B`: the registry takes bcrypt alone. `-i`: a password on the command line could be seen by everybody. */
async function passwordEntry([name, password]: [string, string]): Promise<string> {
  const entry = await output(programOf('htpasswd'), ['-niB', name], { input: password });
  return entry.trim();
}
