import type { TokenServer } from '../test/fakes/token-server.ts';
import type { RequestHead } from './request-reader.ts';

/**
 * Wants a token for each request, as a registry does (distribution, "Token Authentication"). The answer names the scope
 * that would do.
 */
export function demandToken(
  tokens: Pick<TokenServer, 'check'>,
  realm: string,
): (head: RequestHead) => string | undefined {
  return (head) => {
    const token = /^Bearer (.+)$/i.exec(head.headers.get('authorization') ?? '')?.[1] ?? '';
    const scopes = scopesOf(head);
    const fault = tokens.check(token, scopes);
    if (fault === undefined) return undefined;
    return unauthorized(head, challengeOf(realm, scopes, token === '' ? undefined : fault));
  };
}

function scopesOf({ method, target }: RequestHead): readonly string[] {
  const path = /^\/v2\/(?<path>.+)\/(manifests|blobs|tags|referrers)\//.exec(target)?.groups?.['path'];
  if (path === undefined) return [];
  const reads = method === 'GET' || method === 'HEAD';
  return [`repository:${path}:${reads ? 'pull' : 'pull,push'}`];
}

function challengeOf(realm: string, scopes: readonly string[], error: string | undefined): string {
  const parameters = { realm, service: 'bench', scope: scopes.join(' '), error };
  const written = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '');
  return `Bearer ${written.map(([name, value]) => `${name}="${value}"`).join(',')}`;
}

function unauthorized({ method }: RequestHead, challenge: string): string {
  const body = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] });
  return [
    'HTTP/1.1 401 Unauthorized',
    'Content-Type: application/json',
    'Docker-Distribution-Api-Version: registry/2.0',
    `Www-Authenticate: ${challenge}`,
    `Content-Length: ${body.length}`,
    '',
    method === 'HEAD' ? '' : body,
  ].join('\r\n');
}
