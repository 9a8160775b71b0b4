import { RegistryError } from './registry-error.ts';

/** Second-level domains below which strangers register: `example.co.uk` is the domain there, not `co.uk`. */
const SHARED = /^(?:ac|co|com|edu|gov|net|org)\.[a-z]{2}$/;

/**
 * A credential goes only to a realm that belongs to its registry: the same host, or one below the same domain
 * (`registry-1.docker.io` and `auth.docker.io`).
 * @param host as in a reference, port included if any
 * @throws RegistryError `FORBIDDEN_HOP`
 */
export function checkRealm(host: string, realm: URL): void {
  const registry = new URL(`https://${host}`).hostname;
  if (domainOf(registry) === domainOf(realm.hostname)) return;
  throw new RegistryError(
    `its realm ${JSON.stringify(realm.host)} does not belong to it and would be sent a credential`,
    {
      code: 'FORBIDDEN_HOP',
      operation: `log in to ${JSON.stringify(host)}`,
    },
  );
}

/** The two or three last labels; an address has no domain and stays whole. */
function domainOf(hostname: string): string {
  if (/^[\d.]+$|:/.test(hostname)) return hostname;
  const labels = hostname.split('.');
  const two = labels.slice(-2).join('.');
  return SHARED.test(two) ? labels.slice(-3).join('.') : two;
}
