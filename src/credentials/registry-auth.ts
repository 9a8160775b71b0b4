import { join } from 'node:path';
import { DOCKER_HUB } from '../image/reference.ts';
import { chain } from './chain.ts';
import type { Clock } from './clock.ts';
import { type Credential, credentialOf, type FindCredentials, type Repository } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import { parseDockerConfig, parseDockercfg } from './docker-config.ts';
import { dockerConfigFile } from './docker-config-file.ts';
import type { ObserveCredentials } from './event.ts';
import { readSecretFolder } from './secret-folder.ts';
import { Snapshot } from './snapshot.ts';
import { sparingly } from './sparing-observer.ts';

export interface RegistryAuthOptions {
  /** Where the Secret `registry-auth` is mounted. */
  readonly dir: string;
  readonly now?: Clock | undefined;
  readonly observe?: ObserveCredentials | undefined;
}

/** The registry that `username` and `password` are for. */
export interface BackupRegistry {
  /** Normalised: `docker.io` for Docker Hub. */
  readonly host: string;
  /** With a path the two serve only what lies at or below it. Default: the whole host. */
  readonly path?: string;
}

/** Docker's files by the names they have in Secrets and on disk. */
const DOCKER_FILES = [
  ['.dockerconfigjson', parseDockerConfig],
  ['config.json', parseDockerConfig],
  ['.dockercfg', parseDockercfg],
] as const;

/**
 * The mounted Secret `registry-auth`: keys `username` and `password`, or one of Docker's files, or several of these.
 * An empty or missing folder means anonymous. Read again on use, so a changed Secret counts within seconds.
 */
export class RegistryAuth {
  readonly #observe: ObserveCredentials | undefined;
  readonly #userPassword: Snapshot<Credential | undefined>;
  readonly #files: readonly FindCredentials[];

  constructor({ dir, now, observe }: RegistryAuthOptions) {
    this.#observe = observe;
    const tell = sparingly(observe, now);
    this.#userPassword = new Snapshot({ read: () => readUserPassword(dir), now, observe: tell });
    this.#files = DOCKER_FILES.map(([name, parse]) =>
      dockerConfigFile({ path: join(dir, name), parse, now, observe }),
    );
  }

  /** `username` and `password` for the backup registry alone, and what Docker's files hold for any registry. */
  findFor(backup: BackupRegistry): FindCredentials {
    return chain([(repository) => this.#forBackup(backup, repository), ...this.#files], this.#observe);
  }

  /**
   * The user name at the backup registry, which its default prefix ends in.
   * @returns undefined where there is none, or only a token
   * @throws CredentialError
   */
  async user(host: string = DOCKER_HUB): Promise<string | undefined> {
    const credentials = await this.findFor({ host })({ host, path: '' });
    return credentials.flatMap((one) => ('username' in one && one.username !== '' ? [one.username] : []))[0];
  }

  async #forBackup({ host, path }: BackupRegistry, repository: Repository): Promise<readonly Credential[]> {
    if (repository.host !== host || !isBelow(repository.path, path)) return [];
    const credential = await this.#userPassword.get();
    return credential === undefined ? [] : [credential];
  }
}

function isBelow(path: string, prefix: string | undefined): boolean {
  return prefix === undefined || path === prefix || path.startsWith(`${prefix}/`);
}

async function readUserPassword(dir: string): Promise<Credential | undefined> {
  const [username, password] = (await readSecretFolder(dir, ['username', 'password'])).map(withoutLineEnd);
  if (username === '' && password === '') return undefined;
  if (username === '' || password === '')
    throw new CredentialError(dir, 'wanted both "username" and "password", or neither');
  return credentialOf(username ?? '', password ?? '');
}

/** Editors and `echo` end a file with a line end that is no part of the secret. */
function withoutLineEnd(text = ''): string {
  return text.replace(/(?<![\r\n])[\r\n]+$/, '');
}
