import { DOCKER_HUB } from '../image/reference.ts';
import { isLoopbackHost } from './address.ts';
import { RegistryError } from './registry-error.ts';

/** Docker Hub's API is not served under the name that its references carry. */
const DOCKER_HUB_API = 'registry-1.docker.io';

/** Which hosts are spoken to without TLS beside loopback. */
export type SpeaksPlainHttp = (host: string) => boolean;

/** Base URL of a registry's API, without path. */
export interface Endpoint {
  readonly url: URL;
  /** A registry on loopback for which nothing was configured may speak either: plain HTTP unless it answers to TLS. */
  readonly tlsIfSpoken: boolean;
}

/**
 * @param host as in a reference: lower case, port if any
 * @throws RegistryError `FORBIDDEN_HOP` for what is no address, such as a port over 65535
 */
export function endpointOf(host: string, speaksPlainHttp: SpeaksPlainHttp): Endpoint {
  if (host === DOCKER_HUB) return { url: new URL(`https://${DOCKER_HUB_API}`), tlsIfSpoken: false };
  const configured = speaksPlainHttp(host);
  const plain = configured || isLoopbackHost(host);
  return { url: parse(`${plain ? 'http' : 'https'}://${host}`), tlsIfSpoken: plain && !configured };
}

function parse(text: string): URL {
  const url = URL.parse(text);
  if (url !== null) return url;
  throw new RegistryError('wanted a host, with a port up to 65535 if any', {
    code: 'FORBIDDEN_HOP',
    operation: `speak to ${JSON.stringify(text)}`,
  });
}
