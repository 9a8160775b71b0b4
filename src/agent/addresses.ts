import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Where agents are, by the settings: the host may be a name with an address for each of them (a headless Service). */
export interface AgentAddress {
  readonly host: string;
  readonly port: number;
}

/** @returns all addresses of a host. Rejects where it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** By the system's own means, so that the short names of a cluster work. */
export async function resolveHost(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

/** `10.0.0.1:8443`, `[::1]:8443`. */
export function formatAddress({ host, port }: AgentAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
