import { DOCKER_HUB } from '../image/reference.ts';

/**
 * Which registries images may be copied from. Patterns are hosts, or `*.domain` for every host below a domain; one
 * without a port holds for all ports.
 */
export interface SourceHosts {
  /** Empty: all that are not denied. */
  readonly allow: readonly string[];
  /** Wins over `allow`. */
  readonly deny: readonly string[];
}

/** Other names that Docker Hub answers to: who denies the one denies them all. */
const HUB_ALIASES: ReadonlySet<string> = new Set([
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
]);
/** What a host without a port is reached by. */
const DEFAULT_PORT = '443';

/** @param host of a normalised reference */
export function mayBeSource(host: string, { allow, deny }: SourceHosts): boolean {
  if (deny.some((pattern) => matches(pattern, host))) return false;
  return allow.length === 0 || allow.some((pattern) => matches(pattern, host));
}

function matches(pattern: string, host: string): boolean {
  const wanted = split(pattern);
  const { name, port = DEFAULT_PORT } = split(host);
  if (wanted.port !== undefined && wanted.port !== port) return false;
  return namesOf(name).some((one) => matchesName(wanted.name, one));
}

function matchesName(wanted: string, name: string): boolean {
  return wanted.startsWith('*.') ? name.endsWith(wanted.slice(1)) : name === wanted;
}

function namesOf(name: string): readonly string[] {
  return HUB_ALIASES.has(name) ? [name, DOCKER_HUB] : [name];
}

function split(host: string): { readonly name: string; readonly port: string | undefined } {
  const port = /:(\d{1,5})$/.exec(host)?.[1];
  return { name: port === undefined ? host : host.slice(0, -1 - port.length), port };
}
