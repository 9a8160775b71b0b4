import type { Clock } from './clock.ts';
import type { FindCredentials, Repository } from './credential.ts';
import { type CredentialHelperOptions, CredentialHelpers } from './credential-helper.ts';
import { type DockerConfig, parseDockerConfig } from './docker-config.ts';
import { serverOf } from './docker-hub.ts';
import type { ObserveCredentials } from './event.ts';
import { type Found, usable } from './found.ts';
import { Snapshot } from './snapshot.ts';
import { sparingly } from './sparing-observer.ts';
import { readTextFile } from './text-file.ts';

export interface DockerConfigFileOptions {
  readonly path: string;
  /** Default: the form of `config.json`. */
  readonly parse?: (text: string, place: string) => DockerConfig;
  /**
   * With these the credential helpers that the file names are run. Default: they are not, as the kubelet does: a mounted
   * Secret decides who we are, not what we execute.
   */
  readonly helpers?: Omit<CredentialHelperOptions, 'now'> | undefined;
  readonly now?: Clock | undefined;
  readonly observe?: ObserveCredentials | undefined;
}

/** The credentials in one of Docker's files, and of the helpers it names, which come first. Read again when it changes. */
export function dockerConfigFile(options: DockerConfigFileOptions): FindCredentials {
  const { path, parse = parseDockerConfig, now } = options;
  const observe = sparingly(options.observe, now);
  const snapshot = new Snapshot({ read: () => readDockerConfig(path, parse), now, observe });
  const helpers = options.helpers && new CredentialHelpers({ ...options.helpers, now });
  return async (repository) => {
    const config = await snapshot.get();
    if (config === undefined) return [];
    const helped = helpers === undefined ? [] : await askHelper(helpers, config, repository);
    return usable([...helped, ...config.auths.lookup(repository)], observe);
  };
}

async function readDockerConfig(
  path: string,
  parse: (text: string, place: string) => DockerConfig,
): Promise<DockerConfig | undefined> {
  const text = await readTextFile(path);
  return text === undefined ? undefined : parse(text, path);
}

/** An empty name under a host means that `credsStore` is not for that host. */
async function askHelper(
  helpers: CredentialHelpers,
  config: DockerConfig,
  { host }: Repository,
): Promise<readonly Found[]> {
  const name = config.helpers.get(host) ?? config.store ?? '';
  return name === '' ? [] : helpers.get(name, serverOf(host));
}
