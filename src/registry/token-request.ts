import { asRegistryError } from './connection-error.ts';
import { basicHeader, type Credential } from './credential.ts';
import { problemOf } from './problem.ts';
import { hasCode, RegistryError } from './registry-error.ts';
import { readToken, type Token } from './token.ts';
import { type Answer, drain, readUpTo, type Transport } from './transport.ts';

/** For the whole exchange; realms answer in well under a second. */
const TOKEN_TIMEOUT_MS = 30_000;
/** Tokens are a few KiB; Azure's reach 20. */
const LARGEST_TOKEN_ANSWER = 256 * 1024;
/** Registries show it in their logs; the OAuth2 flow requires one. */
const CLIENT_ID = 'image-cloner';
/** Answers of servers that know only the GET flow (GCR 404, Artifactory 401, ACR 400). */
const NO_POST_FLOW: ReadonlySet<number> = new Set([400, 401, 404, 405]);

/** A token that is wanted. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credential: Exclude<Credential, { kind: 'registry-token' }> | undefined;
  /** Name of the registry that sent us to the realm. */
  readonly home: string;
}

/** @throws RegistryError; `UNAUTHORIZED` or `DENIED` when the credential is not taken */
export async function requestToken(transport: Transport, request: TokenRequest): Promise<Token> {
  const operation = `fetch a token from ${JSON.stringify(request.realm.host)}`;
  // Not the caller's signal: others wait for the same token.
  const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS);
  try {
    const answer = await ask(transport, request, signal);
    if (answer.status !== 200) throw ofRealm(await problemOf(answer, operation));
    const body = await readUpTo(answer, LARGEST_TOKEN_ANSWER);
    return readToken(body?.toString('utf8') ?? '', operation);
  } catch (error) {
    throw asRegistryError(error, { operation, signal: NEVER });
  }
}

/** A realm that is not there says nothing of the image: whoever asks for that must not take it for absent. */
function ofRealm(error: RegistryError): RegistryError {
  const { operation, status } = error;
  if (!hasCode(error, 'NOT_FOUND', 'MISSING_CONTENT', 'INVALID_MANIFEST')) return error;
  return new RegistryError(`realm answered ${status}`, { code: 'PROTOCOL', operation, cause: error });
}

/** Whatever ends this exchange, nobody told it to stop. */
const NEVER = new AbortController().signal;

async function ask(transport: Transport, request: TokenRequest, signal: AbortSignal): Promise<Answer> {
  const { credential } = request;
  if (credential?.kind !== 'identity-token') return askByGet(transport, request, signal);
  const answer = await askByPost(transport, request, { refreshToken: credential.token, signal });
  if (!NO_POST_FLOW.has(answer.status)) return answer;
  await drain(answer);
  return askByGet(transport, request, signal);
}

/** Distribution token specification: GET with Basic credentials. Redirects are not followed: they would carry them. */
function askByGet(
  transport: Transport,
  { realm, service, scopes, credential, home }: TokenRequest,
  signal: AbortSignal,
): Promise<Answer> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const basic = asBasic(credential);
  if (basic !== undefined) url.searchParams.set('account', basic.username);
  const headers = {
    accept: 'application/json',
    ...(basic !== undefined && { authorization: basicHeader(basic) }),
  };
  return transport.send({ method: 'GET', url, home, headers, signal });
}

/** Distribution OAuth2 specification: POST with a refresh token. */
function askByPost(
  transport: Transport,
  { realm, service, scopes, home }: TokenRequest,
  { refreshToken, signal }: { readonly refreshToken: string; readonly signal: AbortSignal },
): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: CLIENT_ID,
    scope: scopes.join(' '),
    ...(service !== undefined && { service }),
  });
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
  return transport.send({ method: 'POST', url: realm, home, headers, body: form.toString(), signal });
}

function asBasic(credential: TokenRequest['credential']): { username: string; password: string } | undefined {
  if (credential?.kind === 'basic') return credential;
  if (credential?.username === undefined) return undefined;
  return { username: credential.username, password: credential.token };
}
