import { isRecord } from '../image/descriptor.ts';
import { basicHeader, type Credential } from './credential.ts';
import { problemOf } from './problem.ts';
import { RegistryError } from './registry-error.ts';
import { type Answer, drain, readUpTo, type Transport } from './transport.ts';

/** The token specification's default and least life, in seconds. */
const LEAST_LIFE_SECONDS = 60;
/** Renewed this long before its end, so that a request under way does not outlive it. */
const RENEWAL_MARGIN_SECONDS = 10;
/** For the whole exchange; realms answer in well under a second. */
const TOKEN_TIMEOUT_MS = 30_000;
/** Tokens are a few KiB; Azure's reach 20. */
const LARGEST_TOKEN_ANSWER = 256 * 1024;
/** Registries show it in their logs; the OAuth2 flow requires one. */
const CLIENT_ID = 'image-cloner';
/** Answers of servers that know only the GET flow (GCR 404, Artifactory 401, ACR 400). */
const NO_POST_FLOW: ReadonlySet<number> = new Set([400, 401, 404, 405]);

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credential: Exclude<Credential, { kind: 'registry-token' }> | undefined;
}

interface Token {
  readonly value: string;
  /** On the clock of `performance.now()`. */
  readonly endsAt: number;
}

/** Fetches Bearer tokens and keeps them for as long as they live. */
export class TokenCache {
  readonly #transport: Transport;
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * One request at a time for the same token, whoever asks.
   * @param owner tells credentials apart, so that no token is ever used for another credential
   * @param refused a token that a registry did not take and that is not handed out again
   */
  async get(request: TokenRequest, owner: string, refused?: string): Promise<string> {
    const key = JSON.stringify([request.realm.href, request.service, request.scopes, owner]);
    const pending = this.#tokens.get(key);
    if (pending === undefined) return (await this.#start(key, request)).value;
    const token = await pending;
    if (token.value !== refused && token.endsAt > performance.now()) return token.value;
    // Whoever wakes up first renews it for all.
    return (
      (await (this.#tokens.get(key) === pending ? this.#start(key, request) : this.#tokens.get(key))) ?? token
    ).value;
  }

  #start(key: string, request: TokenRequest): Promise<Token> {
    // Not the caller's signal: others wait for the same token.
    const pending = this.#fetchToken(request, AbortSignal.timeout(TOKEN_TIMEOUT_MS));
    this.#tokens.set(key, pending);
    pending.catch(() => this.#tokens.delete(key));
    return pending;
  }

  async #fetchToken(request: TokenRequest, signal: AbortSignal): Promise<Token> {
    const operation = `fetch a token from ${JSON.stringify(request.realm.host)}`;
    const answer = await this.#ask(request, signal);
    if (answer.status !== 200) throw await problemOf(answer, operation);
    const body = await readUpTo(answer, LARGEST_TOKEN_ANSWER);
    return readToken(body?.toString('utf8') ?? '', operation);
  }

  async #ask(request: TokenRequest, signal: AbortSignal): Promise<Answer> {
    if (request.credential?.kind !== 'identity-token') return this.#get(request, signal);
    const answer = await this.#post(request, request.credential.token, signal);
    if (!NO_POST_FLOW.has(answer.status)) return answer;
    await drain(answer);
    return this.#get(request, signal);
  }

  /** Distribution token specification: GET with Basic credentials. Redirects are not followed: they would carry them. */
  #get({ realm, service, scopes, credential }: TokenRequest, signal: AbortSignal): Promise<Answer> {
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const basic = asBasic(credential);
    if (basic !== undefined) url.searchParams.set('account', basic.username);
    const headers = {
      accept: 'application/json',
      ...(basic !== undefined && { authorization: basicHeader(basic) }),
    };
    return this.#transport.send({ method: 'GET', url, headers, signal });
  }

  /** Distribution OAuth2 specification: POST with a refresh token. */
  #post(
    { realm, service, scopes }: TokenRequest,
    refreshToken: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: CLIENT_ID,
    });
    if (service !== undefined) form.set('service', service);
    form.set('scope', scopes.join(' '));
    const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
    return this.#transport.send({ method: 'POST', url: realm, headers, body: form.toString(), signal });
  }
}

function asBasic(credential: TokenRequest['credential']): { username: string; password: string } | undefined {
  if (credential?.kind === 'basic') return credential;
  if (credential?.username === undefined) return undefined;
  return { username: credential.username, password: credential.token };
}

/** `issued_at` is left alone: clocks differ, and our own says when the token arrived. */
function readToken(text: string, operation: string): Token {
  const body = parse(text);
  const value = body?.['token'] ?? body?.['access_token'];
  if (typeof value !== 'string' || value === '') {
    throw new RegistryError('wanted JSON with "token" or "access_token"', { code: 'PROTOCOL', operation });
  }
  const life = Number(body?.['expires_in'] ?? LEAST_LIFE_SECONDS);
  const seconds = Math.max(LEAST_LIFE_SECONDS, Number.isFinite(life) ? life : 0) - RENEWAL_MARGIN_SECONDS;
  return { value, endsAt: performance.now() + seconds * 1000 };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isRecord(body) ? body : undefined;
  } catch {
    return undefined;
  }
}
