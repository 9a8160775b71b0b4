import { DOCKER_HUB } from '../image/reference.ts';

/** How Docker's own files call Docker Hub, where we say `docker.io`: the name of 2013, and its API host. */
export const HUB_ALIASES: readonly string[] = ['index.docker.io', 'registry-1.docker.io'];

/** Under this key `docker login` and the credential helpers keep what is for Docker Hub (docker/cli, `IndexServer`). */
const HUB_SERVER = 'https://index.docker.io/v1/';

/** The one name of a host that has several. */
export function canonicalHost(host: string): string {
  return HUB_ALIASES.includes(host) ? DOCKER_HUB : host;
}

/** What a credential helper is asked for. */
export function serverOf(host: string): string {
  return host === DOCKER_HUB ? HUB_SERVER : host;
}
