import { randomUUID } from 'node:crypto';
import { type Answer, answer, refusal } from './answer.ts';
import { type Incoming, type Listener, type ListenerOptions, listen } from './listener.ts';

interface Account {
  readonly username: string;
  readonly password: string;
  /** Identity token, for the POST flow with `grant_type=refresh_token`. */
  readonly refreshToken?: string;
  /** Repositories it may use. Default: all. */
  readonly repositories?: RegExp;
}

export interface TokenServerOptions extends ListenerOptions {
  readonly accounts?: readonly Account[];
  /** May pull without an account. Default true. */
  readonly anonymous?: boolean;
  /** Seconds, as told to the client. Default: not told. Tokens die by `expire()`, not by the clock. */
  readonly expiresIn?: number;
  readonly issuedAt?: string;
  /** Default `token`. */
  readonly field?: 'token' | 'access_token';
  /** Status of every POST where the OAuth2 flow is not supported: 404, 405, 400 or 401. Default: supported. */
  readonly refusesPost?: number;
}

/** Gives out tokens by GET (distribution, "Token Authentication") and by POST (OAuth2). */
export interface TokenServer extends Listener {
  /** What a challenge names. */
  readonly realm: string;
  /** Scopes of each token given out, in order. */
  grants(): readonly (readonly string[])[];
  /** Kills all tokens given out so far. */
  expire(): void;
  /** @returns what is wrong with the token for these scopes, or undefined */
  check(token: string, scopes: readonly string[]): 'invalid_token' | 'insufficient_scope' | undefined;
}

export async function startTokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const tokens = new Map<string, readonly string[]>();
  const grants: (readonly string[])[] = [];
  const listener = await listen((incoming) => issue(incoming), options);

  async function issue(incoming: Incoming): Promise<Answer> {
    const asked =
      incoming.method === 'POST' ? await askedByPost(incoming, options) : askedByGet(incoming, options);
    if ('status' in asked) return asked;
    const scopes = asked.scopes.flatMap((scope) => grantOf(asked.account, scope));
    const token = randomUUID();
    tokens.set(token, scopes);
    grants.push(scopes);
    return answer(200, { 'content-type': 'application/json' }, bodyOf(token, options));
  }

  return {
    ...listener,
    realm: `${listener.url}/token`,
    grants: () => grants,
    expire: () => tokens.clear(),
    check: (token, scopes) => {
      const granted = tokens.get(token);
      if (granted === undefined) return 'invalid_token';
      return scopes.every((scope) => covers(granted, scope)) ? undefined : 'insufficient_scope';
    },
  };
}

interface Asked {
  /** Undefined: anonymous. */
  readonly account: Account | undefined;
  readonly scopes: readonly string[];
}

function askedByGet(
  { headers, query }: Incoming,
  { accounts = [], anonymous = true }: TokenServerOptions,
): Asked | Answer {
  const scopes = query.getAll('scope').flatMap((scope) => scope.split(' '));
  if (headers.authorization === undefined) return anonymous ? { account: undefined, scopes } : denied();
  const account = accounts.find(({ username, password }) => {
    return headers.authorization === `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  });
  return account === undefined ? denied() : { account, scopes };
}

async function askedByPost(
  incoming: Incoming,
  { accounts = [], refusesPost }: TokenServerOptions,
): Promise<Asked | Answer> {
  const form = new URLSearchParams((await incoming.body()).toString());
  if (refusesPost !== undefined) return refusal(refusesPost, 'UNSUPPORTED');
  const account = accounts.find((candidate) => isProven(candidate, form));
  return account === undefined ? denied() : { account, scopes: (form.get('scope') ?? '').split(' ') };
}

function isProven({ username, password, refreshToken }: Account, form: URLSearchParams): boolean {
  if (form.get('grant_type') === 'refresh_token') {
    return refreshToken !== undefined && form.get('refresh_token') === refreshToken;
  }
  return form.get('username') === username && form.get('password') === password;
}

function denied(): Answer {
  return refusal(401, 'UNAUTHORIZED');
}

/** The part of a scope that is allowed: a token with less than was asked for is not an error to a token server. */
function grantOf(account: Account | undefined, scope: string): readonly string[] {
  const { name } = read(scope);
  if (account === undefined) return [`repository:${name}:pull`];
  return (account.repositories?.test(name) ?? true) ? [scope] : [];
}

/** Does one scope among those granted allow all actions of the one that is needed? */
function covers(granted: readonly string[], needed: string): boolean {
  const { name, actions } = read(needed);
  return granted
    .map(read)
    .some((own) => own.name === name && actions.every((action) => own.actions.includes(action)));
}

/** `repository:<name>:<action>,<action>` */
function read(scope: string): { name: string; actions: readonly string[] } {
  const [, name = '', actions = ''] = scope.split(':');
  return { name, actions: actions.split(',') };
}

function bodyOf(token: string, { field = 'token', expiresIn, issuedAt }: TokenServerOptions): string {
  return JSON.stringify({ [field]: token, expires_in: expiresIn, issued_at: issuedAt });
}
