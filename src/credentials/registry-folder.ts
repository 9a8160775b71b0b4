import { readdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { type Credential, credentialOf, type FindCredentials } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import { canonicalHost } from './docker-hub.ts';
import { parseDuration } from './duration.ts';
import type { ObserveCredentials } from './event.ts';
import { REREAD_MS, Snapshot } from './snapshot.ts';
import { sparingly } from './sparing-observer.ts';
import { isMissing, parseJsonObject, readTextFile } from './text-file.ts';

export interface RegistryFolderOptions {
  readonly dir: string;
  readonly now?: Clock | undefined;
  readonly observe?: ObserveCredentials | undefined;
}

interface RegistryFile {
  readonly credentials: readonly Credential[];
  readonly holdMs: number;
}

/**
 * A folder of `<registry>.json` files with `username`, `password` and, if wanted, `duration`: how long what was read may
 * be used before it is read again, as `12h` or in seconds. The file whose name is the longest domain suffix of the host
 * serves it: `gcr.io.json` also `us.gcr.io`, never `evilgcr.io`. A port is part of the name, as `_5000`.
 */
export function registryFolder({ dir, now, observe }: RegistryFolderOptions): FindCredentials {
  const files = new Map<string, Snapshot<RegistryFile>>();
  const tell = sparingly(observe, now);
  const names = new Snapshot({ read: () => listNames(dir), now, observe: tell });
  return async ({ host }) => {
    const present = await names.get();
    for (const known of files.keys()) if (!present.includes(known)) files.delete(known);
    const name = nameFor(host, present);
    if (name === undefined) return [];
    const path = join(dir, name);
    const file =
      files.get(name) ?? new Snapshot({ read: () => readRegistryFile(path), holdMs, now, observe: tell });
    files.set(name, file);
    return (await file.get()).credentials;
  };
}

const EXTENSION = /\.json$/i;

function holdMs(file: RegistryFile): number {
  return file.holdMs;
}

/** The host of an image never becomes part of a path: it is compared with the names that are there. */
async function listNames(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch((cause: unknown) => {
    if (isMissing(cause)) return [];
    throw new CredentialError(dir, 'cannot list the folder', { cause, retriable: true });
  });
  return names.filter((name) => EXTENSION.test(name) && !name.startsWith('.')).toSorted();
}

function nameFor(host: string, names: readonly string[]): string | undefined {
  const fitting = names.filter((name) => serves(splitPort(name.replace(EXTENSION, '')), splitPort(host)));
  return fitting.toSorted((one, other) => other.length - one.length)[0];
}

interface HostPort {
  readonly domain: string;
  readonly port: string;
}

/** `_` stands for the colon, which a key of a Secret cannot have; no host name has a `_` of its own. */
function splitPort(text: string): HostPort {
  const [, domain = '', port = ''] = /^(.*?)(?:[_:](\d{1,5}))?$/.exec(text.toLowerCase()) ?? [];
  return { domain: canonicalHost(domain), port };
}

/** Suffixes have at least two labels, or one file would serve a whole top-level domain; addresses have none. */
function serves(file: HostPort, host: HostPort): boolean {
  if (file.port !== host.port) return false;
  if (file.domain === host.domain) return true;
  return file.domain.includes('.') && isIP(host.domain) === 0 && host.domain.endsWith(`.${file.domain}`);
}

async function readRegistryFile(path: string): Promise<RegistryFile> {
  const text = await readTextFile(path);
  if (text === undefined) return { credentials: [], holdMs: REREAD_MS };
  const { username, password, duration } = parseJsonObject(text, path);
  const hold = readHold(duration);
  if (typeof username !== 'string' || typeof password !== 'string')
    throw new CredentialError(path, 'wanted text in "username" and "password"');
  if (hold === undefined) throw new CredentialError(path, 'wanted "duration" as "12h" or in seconds');
  const credential = credentialOf(username, password);
  if (credential === undefined)
    throw new CredentialError(path, 'wanted a value for "username" and "password"');
  return { credentials: [credential], holdMs: hold };
}

function readHold(duration: unknown): number | undefined {
  if (duration === undefined || duration === null) return REREAD_MS;
  return typeof duration === 'number' && duration >= 0 ? duration * 1000 : parseDuration(duration);
}
