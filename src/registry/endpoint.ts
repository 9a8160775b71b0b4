import { DOCKER_HUB } from '../image/reference.ts';
import { isLoopbackHost } from './address.ts';

/** Docker Hub's API is not served under the name that its references carry. */
const DOCKER_HUB_API = 'registry-1.docker.io';

/** Which hosts are spoken to without TLS beside loopback. */
export type SpeaksPlainHttp = (host: string) => boolean;

/** Base URL of a registry's API, without path. `host` as in a reference: lower case, port if any. */
export function endpointOf(host: string, speaksPlainHttp: SpeaksPlainHttp): URL {
  if (host === DOCKER_HUB) return new URL(`https://${DOCKER_HUB_API}`);
  return new URL(`${isLoopbackHost(host) || speaksPlainHttp(host) ? 'http' : 'https'}://${host}`);
}
