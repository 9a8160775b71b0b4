import { type Answer, refusal } from './answer.ts';
import type { Incoming } from './listener.ts';
import type { TokenServer } from './token-server.ts';

interface BasicAuth {
  readonly basic: { readonly username: string; readonly password: string };
}

interface BearerAuth {
  readonly bearer: TokenServer;
  /** Default `fake`. */
  readonly service?: string;
  /** Default: the token server's own address. */
  readonly realm?: string;
  /** Writes the `WWW-Authenticate` headers anew: several, strange or none. */
  readonly challenges?: (own: string) => readonly string[];
}

export type Auth = BasicAuth | BearerAuth;

/** @returns the 401, or undefined when the request may go on */
export function authorize(auth: Auth, incoming: Incoming, repository: string): Answer | undefined {
  return 'basic' in auth ? checkBasic(auth.basic, incoming) : checkBearer(auth, incoming, repository);
}

function checkBasic({ username, password }: BasicAuth['basic'], incoming: Incoming): Answer | undefined {
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  if (incoming.headers.authorization === wanted) return undefined;
  return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="fake"' });
}

function checkBearer(auth: BearerAuth, incoming: Incoming, repository: string): Answer | undefined {
  const wanted = scopesFor(incoming, repository);
  const token = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? '')?.[1];
  const fault = token === undefined ? 'missing' : auth.bearer.check(token, wanted);
  if (fault === undefined) return undefined;
  const own = challengeOf(auth, wanted.join(' '), fault);
  return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': auth.challenges?.(own) ?? own });
}

function challengeOf(auth: BearerAuth, scope: string, error: string): string {
  const realm = auth.realm ?? auth.bearer.realm;
  const service = auth.service ?? 'fake';
  const fields = Object.entries({ realm, service, scope, error }).filter(
    ([, value]) => value !== '' && value !== 'missing',
  );
  return `Bearer ${fields.map(([key, value]) => `${key}="${value}"`).join(',')}`;
}

/** What docker-registry asks for. A mount also reads the repository it is taken from. */
function scopesFor({ method, query }: Incoming, repository: string): readonly string[] {
  if (repository === '') return [];
  const from = query.get('from');
  const own = `repository:${repository}:${actionsFor(method)}`;
  return from === null || from === repository ? [own] : [own, `repository:${from}:pull`];
}

function actionsFor(method: string): string {
  if (method === 'GET' || method === 'HEAD') return 'pull';
  return method === 'DELETE' ? 'delete' : 'pull,push';
}
