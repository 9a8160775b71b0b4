import { DOCKER_HUB } from '../image/reference.ts';

/** One way to prove to a registry who we are. The same shape as the registry client's, which it does not import. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string }
  | { readonly kind: 'registry-token'; readonly token: string };

/** The name under which Docker has always kept the credentials of Docker Hub. */
const DOCKER_HUB_SERVER = 'https://index.docker.io/v1/';

/**
 * The value of `X-Registry-Auth`: JSON in base64url with padding (Docker Engine API, "Authentication"). dockerd 20.10
 * refuses to push without the header, so there is a value for nobody too.
 */
export function registryAuth(host: string, credential?: Credential): string {
  const server = { serveraddress: host === DOCKER_HUB ? DOCKER_HUB_SERVER : host };
  const json = credential === undefined ? {} : { ...fieldsOf(credential), ...server };
  // Buffer's own 'base64url' leaves the padding out, and Go then refuses it.
  return Buffer.from(JSON.stringify(json)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

function fieldsOf(credential: Credential): Record<string, string> {
  if (credential.kind === 'registry-token') return { registrytoken: credential.token };
  if (credential.kind === 'basic') return { username: credential.username, password: credential.password };
  const { token: identitytoken, username } = credential;
  return { identitytoken, ...(username !== undefined && { username }) };
}
