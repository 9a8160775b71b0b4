import { RegistryError } from './registry-error.ts';
import { type Answer, drain, type Exchange, headerOf, isStream, type Transport } from './transport.ts';

/** Registry → object storage is one hop; some add a CDN or two. */
const MOST_HOPS = 10;

/** Those that keep method and body (RFC 9110, 15.4); the others turn every method but HEAD into GET. */
const KEEPING: ReadonlySet<number> = new Set([307, 308]);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, ...KEEPING]);

/** Headers that say who we are: they stay with the host they were made for (RFC 9110, 15.4; distribution spec). */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

/**
 * Sends a request and follows redirects by hand: all of them for GET and HEAD, those that keep the method for the others.
 * A body that can be sent but once goes to the first address only.
 * @throws RegistryError `FORBIDDEN_HOP` on a step from https to http, `PROTOCOL` on a bad or endless chain
 */
export async function sendFollowing(
  transport: Transport,
  exchange: Exchange,
  operation: string,
): Promise<Answer> {
  const followed = followedBy(exchange);
  let current = exchange;
  for (let hop = 0; hop <= MOST_HOPS; hop++) {
    const answer = await transport.send(current);
    const location = headerOf(answer, 'location');
    if (!followed.has(answer.status) || location === undefined) return answer;
    await drain(answer);
    current = nextExchange(current, location, operation);
  }
  throw new RegistryError(`redirected more than ${MOST_HOPS} times`, { code: 'PROTOCOL', operation });
}

function followedBy({ method, body }: Exchange): ReadonlySet<number> {
  if (isStream(body)) return new Set();
  return method === 'GET' || method === 'HEAD' ? REDIRECTS : KEEPING;
}

function nextExchange(exchange: Exchange, location: string, operation: string): Exchange {
  const url = resolveHop(location, exchange.url, operation);
  return {
    ...exchange,
    url,
    headers: url.origin === exchange.url.origin ? exchange.headers : withoutCredentials(exchange.headers),
  };
}

/**
 * Resolves an address that a registry sent, against the one it was sent from.
 * @throws RegistryError `FORBIDDEN_HOP` when TLS would be lost, `PROTOCOL` when it is no http(s) URL
 */
export function resolveHop(location: string, base: URL, operation: string): URL {
  const url = URL.parse(location, base.href);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RegistryError('it was sent to an address that is no http URL', { code: 'PROTOCOL', operation });
  }
  if (base.protocol === 'https:' && url.protocol === 'http:') {
    throw new RegistryError(`it was sent from https to plain http at ${JSON.stringify(url.host)}`, {
      code: 'FORBIDDEN_HOP',
      operation,
    });
  }
  url.username = '';
  url.password = '';
  return url;
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !CREDENTIAL_HEADERS.has(name.toLowerCase())),
  );
}
