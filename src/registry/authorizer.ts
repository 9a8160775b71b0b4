import { BoundedMap } from './bounded-map.ts';
import { Candidates } from './candidates.ts';
import { parseChallenges } from './challenge.ts';
import { basicHeader, type Credential, type FindCredentials } from './credential.ts';
import { askedScope, type LoginMethod, readMethod } from './login-method.ts';
import { checkRealm } from './realm.ts';
import { hasCode } from './registry-error.ts';
import { type Actions, missingScopes, scopeOf } from './scope.ts';
import { TokenCache } from './token-cache.ts';
import { type Answer, drain, type Transport } from './transport.ts';

/** Whom a request speaks to, and what for. */
export interface Audience {
  readonly host: string;
  readonly path: string;
  readonly actions: Actions;
  /** Another repository of the same registry that is read as well, for a mount. */
  readonly alsoPull?: string;
  /** Who speaks, where that is not whom the client speaks for. */
  readonly identity?: Identity;
}

/** Somebody with credentials of his own. Neither they nor what was learned of them serves anybody else. */
export interface Identity {
  /** The same for the same credentials, and for no others. */
  readonly name: string;
  readonly credentials: readonly Credential[];
}

/** What a request proves itself with. */
export interface Proof {
  /** Undefined: nothing, as long as the registry has not asked for it. */
  readonly header: string | undefined;
  /** Number of the credential it was made of. */
  readonly candidate: number;
  /** False for a token that was at hand: it may have been taken back since. */
  readonly fresh: boolean;
}

const PING_TIMEOUT_MS = 10_000;
/** Hosts whose way of logging in is remembered. */
const MOST_HOSTS = 1_000;
/** Audiences whose refused credentials are remembered; the oldest go first. */
const MOST_AUDIENCES = 10_000;

/** Finds the Authorization header for each request, and another one when it was refused. */
export class Authorizer {
  readonly #transport: Transport;
  readonly #tokens: TokenCache;
  readonly #find: FindCredentials;
  readonly #methods = new BoundedMap<string, LoginMethod>(MOST_HOSTS);
  readonly #candidates = new BoundedMap<string, Candidates>(MOST_AUDIENCES);

  constructor(transport: Transport, find: FindCredentials) {
    this.#transport = transport;
    this.#tokens = new TokenCache(transport);
    this.#find = find;
  }

  /** What should do, from what the registry said before. */
  async proofFor(audience: Audience): Promise<Proof> {
    const method = this.#methods.get(audience.host);
    if (method === undefined) return { header: undefined, candidate: 0, fresh: false };
    return this.#prove(audience, await this.#candidatesOf(audience), method);
  }

  /** Another proof after a 401, or undefined when nothing is left to try. */
  async afterRefusal(audience: Audience, answer: Answer, refused: Proof): Promise<Proof | undefined> {
    const challenges = parseChallenges(answer.headers['www-authenticate']);
    const method = await this.#learn(audience.host, answer);
    if (method === undefined) return undefined;
    const candidates = await this.#candidatesOf(audience);
    const missing = missingScopes(scopesOf(audience, candidates), askedScope(challenges));
    candidates.widen(missing);
    const canHelp = missing.length > 0 || !isWorthless(refused, candidates);
    if (!canHelp && !candidates.next()) return undefined;
    const proof = await this.#prove(audience, candidates, method, refused.header);
    return proof.header === refused.header ? undefined : proof;
  }

  async #learn(host: string, answer: Answer): Promise<LoginMethod | undefined> {
    const said = readMethod(parseChallenges(answer.headers['www-authenticate']), answer.url);
    const method = said ?? this.#methods.get(host) ?? (await this.#ping(answer.url));
    if (method !== undefined) this.#methods.set(host, method);
    return method;
  }

  /** Old registries answer 401 without a challenge anywhere but at `/v2/`. */
  async #ping(base: URL): Promise<LoginMethod | undefined> {
    const url = new URL('/v2/', base);
    const signal = AbortSignal.timeout(PING_TIMEOUT_MS);
    const answer = await this.#transport.send({
      method: 'GET',
      url,
      home: url.hostname,
      headers: {},
      signal,
    });
    await drain(answer);
    return readMethod(parseChallenges(answer.headers['www-authenticate']), url);
  }

  async #prove(
    audience: Audience,
    candidates: Candidates,
    method: LoginMethod,
    refused?: string,
  ): Promise<Proof> {
    const { current: credential, index: candidate } = candidates;
    if (method.scheme === 'basic' || credential?.kind === 'registry-token')
      return { header: directHeader(credential), candidate, fresh: true };
    try {
      if (credential !== undefined) checkRealm(audience.host, method.realm);
      const { realm, service } = method;
      const home = new URL(`https://${audience.host}`).hostname;
      const request = { realm, service, home, credential, scopes: scopesOf(audience, candidates) };
      const { value, fresh } = await this.#tokens.get(request, refused?.replace(/^Bearer /, ''));
      return { header: `Bearer ${value}`, candidate, fresh };
    } catch (error) {
      // Others may have moved on from this credential meanwhile.
      const moved = candidates.index !== candidate;
      if (!hasCode(error, 'UNAUTHORIZED', 'DENIED') || (!moved && !candidates.next())) throw error;
      return this.#prove(audience, candidates, method, refused);
    }
  }

  async #candidatesOf(audience: Audience): Promise<Candidates> {
    const { host, path, actions, alsoPull = '', identity } = audience;
    const list = identity?.credentials ?? (await this.#find({ host, path }));
    const key = `${host}/${path} ${actions} ${alsoPull} ${identity?.name ?? ''}`;
    const known = this.#candidates.get(key);
    if (known?.isGoodFor(list) === true) return known;
    const candidates = new Candidates(list, actions);
    this.#candidates.set(key, candidates);
    return candidates;
  }
}

/** Was this the credential in use, with nothing about it that could be better another time? */
function isWorthless({ header, candidate, fresh }: Proof, { index }: Candidates): boolean {
  return header !== undefined && candidate === index && fresh;
}

/** What a challenge asked for comes first, because some registries look at no other. */
function scopesOf({ path, actions, alsoPull }: Audience, { scopes }: Candidates): readonly string[] {
  const mount = alsoPull === undefined ? [] : [scopeOf(alsoPull, 'pull')];
  return [...scopes, scopeOf(path, actions), ...mount];
}

/** A credential as it is, without a token in its place. */
function directHeader(credential: Credential | undefined): string | undefined {
  if (credential === undefined) return undefined;
  if (credential.kind === 'registry-token') return `Bearer ${credential.token}`;
  if (credential.kind === 'basic') return basicHeader(credential);
  return basicHeader({ username: credential.username ?? '<token>', password: credential.token });
}
