import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type Credential, type FindCredentials } from './credential.ts';
import { resolveHop } from './redirect.ts';
import { hasCode, RegistryError } from './registry-error.ts';
import { type Actions, scopeOf } from './scope.ts';
import { TokenCache } from './token.ts';
import { type Answer, drain, type Transport } from './transport.ts';

/** Whom a request speaks to, and what for. */
export interface Audience {
  readonly host: string;
  readonly path: string;
  readonly actions: Actions;
  /** Another repository of the same registry that is read as well, for a mount. */
  readonly alsoPull?: string;
}

/** How a registry wants to be addressed, from its last challenge. */
type Method =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service: string | undefined };

/** The candidates of one repository and the one in use; the index past the end means anonymous. */
interface Candidates {
  readonly list: readonly Credential[];
  readonly since: number;
  index: number;
}

/** A credential that was refused is tried again after this time: registries have bad minutes, too. */
const REFUSAL_REMEMBERED_MS = 5 * 60 * 1000;

/** Finds the Authorization header for each request, and another one when it was refused. */
export class Authorizer {
  readonly #transport: Transport;
  readonly #tokens: TokenCache;
  readonly #find: FindCredentials;
  readonly #methods = new Map<string, Method>();
  readonly #candidates = new Map<string, Candidates>();

  constructor(transport: Transport, find: FindCredentials) {
    this.#transport = transport;
    this.#tokens = new TokenCache(transport);
    this.#find = find;
  }

  /** The header that should do, from what the registry said before; undefined until it has asked for one. */
  async headerFor(audience: Audience): Promise<string | undefined> {
    const method = this.#methods.get(audience.host);
    return method === undefined ? undefined : this.#header(audience, method);
  }

  /**
   * Another header after a 401, or undefined when nothing is left to try.
   * @param refused the header that was sent, if any
   * @param again true from the second refusal on: a token may be stale once, after that the credential is wrong
   */
  async afterRefusal(
    audience: Audience,
    answer: Answer,
    refused: string | undefined,
    again: boolean,
  ): Promise<string | undefined> {
    const method = await this.#learn(audience.host, answer);
    if (method === undefined) return undefined;
    if (refused !== undefined && (again || method.scheme === 'basic') && !this.#next(audience))
      return undefined;
    const header = await this.#header(audience, method, refused);
    return header === refused ? undefined : header;
  }

  async #learn(host: string, answer: Answer): Promise<Method | undefined> {
    const said = readMethod(parseChallenges(answer.headers['www-authenticate']), answer.url);
    const method = said ?? this.#methods.get(host) ?? (await this.#ping(answer.url));
    if (method !== undefined) this.#methods.set(host, method);
    return method;
  }

  /** Old registries answer 401 without a challenge anywhere but at `/v2/`. */
  async #ping(url: URL): Promise<Method | undefined> {
    const ping = new URL('/v2/', url);
    const answer = await this.#transport.send({
      method: 'GET',
      url: ping,
      headers: {},
      signal: AbortSignal.timeout(PING_TIMEOUT_MS),
    });
    await drain(answer);
    return readMethod(parseChallenges(answer.headers['www-authenticate']), ping);
  }

  async #header(audience: Audience, method: Method, refused?: string): Promise<string | undefined> {
    const candidates = await this.#candidatesOf(audience);
    const credential = candidates.list[candidates.index];
    if (credential?.kind === 'registry-token') return `Bearer ${credential.token}`;
    if (method.scheme === 'basic') return credential === undefined ? undefined : basicOf(credential);
    try {
      return `Bearer ${await this.#token(audience, method, credential, refused?.replace(/^Bearer /, ''))}`;
    } catch (error) {
      if (!hasCode(error, 'UNAUTHORIZED', 'DENIED') || !this.#next(audience)) throw error;
      return this.#header(audience, method, refused);
    }
  }

  async #token(
    { host, path, actions, alsoPull }: Audience,
    { realm, service }: Extract<Method, { scheme: 'bearer' }>,
    credential: Exclude<Credential, { kind: 'registry-token' }> | undefined,
    refused: string | undefined,
  ): Promise<string> {
    const scopes = [scopeOf(path, actions), ...(alsoPull === undefined ? [] : [scopeOf(alsoPull, 'pull')])];
    if (credential !== undefined) checkRealm(host, realm);
    return this.#tokens.get({ realm, service, scopes, credential }, ownerOf(credential), refused);
  }

  async #candidatesOf({ host, path }: Audience): Promise<Candidates> {
    const list = await this.#find({ host, path });
    const key = `${host}/${path}`;
    const known = this.#candidates.get(key);
    const now = performance.now();
    if (known !== undefined && now - known.since < REFUSAL_REMEMBERED_MS && same(known.list, list))
      return known;
    const candidates = { list, since: now, index: 0 };
    this.#candidates.set(key, candidates);
    return candidates;
  }

  /** Moves on to the next candidate; after the last, reading goes on anonymously and writing ends. */
  #next({ host, path, actions }: Audience): boolean {
    const candidates = this.#candidates.get(`${host}/${path}`);
    const last = (candidates?.list.length ?? 0) - (actions === 'pull' ? 0 : 1);
    if (candidates === undefined || candidates.index >= last) return false;
    candidates.index += 1;
    return true;
  }
}

const PING_TIMEOUT_MS = 10_000;

/** Bearer first: a token allows only what it was asked for. Schemes that we do not speak are passed over. */
function readMethod(challenges: readonly Challenge[], url: URL): Method | undefined {
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')?.parameters;
  const realm = bearer?.get('realm');
  if (realm !== undefined) {
    return {
      scheme: 'bearer',
      realm: resolveHop(realm, url, 'follow the token realm'),
      service: bearer?.get('service'),
    };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined;
}

/**
 * A credential goes only to a realm that belongs to its registry: the same host, or one below the same two last labels
 * (`registry-1.docker.io` and `auth.docker.io`).
 */
function checkRealm(host: string, realm: URL): void {
  const registry = new URL(`https://${host}`).hostname;
  if (registry === realm.hostname || domainOf(registry) === domainOf(realm.hostname)) return;
  throw new RegistryError(
    `its realm ${JSON.stringify(realm.host)} does not belong to it and would be sent a credential`,
    {
      code: 'FORBIDDEN_HOP',
      operation: `log in to ${JSON.stringify(host)}`,
    },
  );
}

/** The two last labels; an address has no domain and stays whole. */
function domainOf(hostname: string): string {
  return /^[\d.]+$|:/.test(hostname) ? hostname : hostname.split('.').slice(-2).join('.');
}

function basicOf(credential: Exclude<Credential, { kind: 'registry-token' }>): string {
  if (credential.kind === 'basic') return basicHeader(credential);
  return basicHeader({ username: credential.username ?? '<token>', password: credential.token });
}

/** Tells credentials apart inside the process; it is never written anywhere. */
function ownerOf(credential: Credential | undefined): string {
  return JSON.stringify(credential ?? 'anonymous');
}

function same(one: readonly Credential[], other: readonly Credential[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
