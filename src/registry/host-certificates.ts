import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What TLS to one registry wants beside the usual: whom to trust, and who we are. PEM. */
export interface HostCertificates {
  /** Authorities beside those of the system. */
  readonly authorities: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/** @param host as in a URL: with a port where it is not 443 */
export type FindHostCertificates = (host: string) => Promise<HostCertificates | undefined>;

/** Docker Hub's API is served under another name than that of its images, which Docker's own folder has. */
const HUB: Readonly<Record<string, string>> = { 'registry-1.docker.io': 'docker.io' };
const DEFAULT_PORT = '443';

/**
 * Docker's layout: a folder for each `host[:port]` with authorities in `*.crt`, and a client certificate in `NAME.cert`
 * with its key in `NAME.key`. `_` may stand for the colon. It is read for each connection, so a change counts at once.
 * A folder that is not there holds nothing; one that cannot be read fails the connection.
 */
export function hostCertificatesIn(dir: string): FindHostCertificates {
  return async (host) => {
    // The host never becomes part of a path: it is compared with the names that are there.
    const present = await listOf(dir);
    const name = namesOf(host).find((one) => present.includes(one));
    return name === undefined ? undefined : readCertificates(join(dir, name));
  };
}

function namesOf(host: string): readonly string[] {
  const names = [host, HUB[host]].filter((name) => name !== undefined);
  const withPort = /:\d+$/.test(host) ? [] : names.map((name) => `${name}:${DEFAULT_PORT}`);
  return [...names, ...withPort].flatMap((name) => [name, name.replace(/:(?=\d+$)/, '_')]);
}

async function readCertificates(dir: string): Promise<HostCertificates> {
  const names = (await listOf(dir)).toSorted();
  const authorities = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
  const client = names.find((name) => name.endsWith('.cert') && names.includes(keyOf(name)));
  return {
    authorities,
    ...(client !== undefined && { cert: await read(client), key: await read(keyOf(client)) }),
  };

  function read(name: string): Promise<string> {
    return readFile(join(dir, name), 'utf8');
  }
}

function keyOf(name: string): string {
  return name.replace(/\.cert$/, '.key');
}

async function listOf(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
