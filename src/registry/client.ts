import type { MayBeInternal } from './address-guard.ts';
import { type Audience, Authorizer } from './authorizer.ts';
import type { FindCredentials } from './credential.ts';
import { endpointOf, type SpeaksPlainHttp } from './endpoint.ts';
import { HostGate } from './host-gate.ts';
import { problemOf } from './problem.ts';
import { sendFollowing } from './redirect.ts';
import { RegistryError } from './registry-error.ts';
import { withRetries } from './retry.ts';
import { TraitMemory } from './trait.ts';
import { type Answer, drain, type Exchange, Transport } from './transport.ts';

export interface ClientOptions {
  readonly findCredentials: FindCredentials;
  readonly speaksPlainHttp: SpeaksPlainHttp;
  readonly mayBeInternal: MayBeInternal;
}

export interface Call {
  readonly operation: string;
  readonly audience: Audience;
  readonly method: Exchange['method'];
  /** Path and query below the registry's endpoint, or an address it sent us. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Exchange['body'];
  /** Status codes that are an answer; every other is an error. */
  readonly expect: readonly number[];
  readonly signal: AbortSignal;
}

/** What is shared by everything that speaks to the same registry host. */
interface Host {
  readonly gate: HostGate;
  readonly traits: TraitMemory;
}

/** Proxies that compress blobs would change their bytes. Registries show the agent in their logs. */
const COMMON_HEADERS = { 'accept-encoding': 'identity', 'user-agent': 'image-cloner' };
/** Connections kept for one origin: enough for every blob under way and its small requests. */
const CONNECTIONS = 32;
/** One for a stale token, then one for each credential; more than a handful of candidates is a mistake. */
const MOST_REFUSALS = 8;

/**
 * Speaks to registries: credentials, redirects, retries and what was learned are shared by all that goes through it.
 * One a process.
 */
export class Client {
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #speaksPlainHttp: SpeaksPlainHttp;
  readonly #hosts = new Map<string, Host>();

  constructor({ findCredentials, speaksPlainHttp, mayBeInternal }: ClientOptions) {
    this.#transport = new Transport({ mayBeInternal, connections: CONNECTIONS });
    this.#authorizer = new Authorizer(this.#transport, findCredentials);
    this.#speaksPlainHttp = speaksPlainHttp;
  }

  /** A call whose body, if any, can be sent again. Repeats it while its error says that this may help. */
  call(call: Call): Promise<Answer> {
    return withRetries(this.#host(call.audience.host).gate, call.signal, () => this.callOnce(call));
  }

  /** A call with a body that is gone after the first try. */
  async callOnce(call: Call): Promise<Answer> {
    const answer = await this.#authorized(call);
    if (call.expect.includes(answer.status)) return answer;
    throw await problemOf(answer, call.operation);
  }

  traits(host: string): TraitMemory {
    return this.#host(host).traits;
  }

  /** HTTP requests sent so far. */
  get requests(): number {
    return this.#transport.requests;
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #authorized(call: Call): Promise<Answer> {
    let authorization = await this.#authorizer.headerFor(call.audience);
    for (let refusals = 0; ; refusals++) {
      const answer = await this.#send(call, authorization);
      if (answer.status !== 401 || refusals === MOST_REFUSALS || isStream(call.body)) return answer;
      const next = await this.#authorizer.afterRefusal(call.audience, answer, authorization, refusals > 0);
      if (next === undefined) return answer;
      await drain(answer);
      authorization = next;
    }
  }

  async #send(call: Call, authorization: string | undefined): Promise<Answer> {
    const endpoint = endpointOf(call.audience.host, this.#speaksPlainHttp);
    const url = new URL(call.target, endpoint);
    // An upload may be sent elsewhere by its Location; who we are stays between us and the registry.
    const identity = authorization !== undefined && url.origin === endpoint.origin ? { authorization } : {};
    const headers = { ...COMMON_HEADERS, ...call.headers, ...identity };
    const exchange = {
      method: call.method,
      url,
      headers,
      signal: call.signal,
      ...(call.body !== undefined && { body: call.body }),
    };
    try {
      const follows = call.method === 'GET' || call.method === 'HEAD';
      return await (follows
        ? sendFollowing(this.#transport, exchange, call.operation)
        : this.#transport.send(exchange));
    } catch (error) {
      throw asRegistryError(error, call);
    }
  }

  #host(host: string): Host {
    const known = this.#hosts.get(host);
    if (known !== undefined) return known;
    const created = { gate: new HostGate(), traits: new TraitMemory() };
    this.#hosts.set(host, created);
    return created;
  }
}

function isStream(body: Exchange['body']): boolean {
  return body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
}

const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
]);

/** What a connection's failure means; errors that are ours already pass as they are. */
export function asRegistryError(
  error: unknown,
  { operation, signal }: Pick<Call, 'operation' | 'signal'>,
): RegistryError {
  if (error instanceof RegistryError) return error;
  if (signal.aborted)
    return new RegistryError('stopped before it was done', { code: 'ABORTED', operation, cause: error });
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why = error instanceof Error ? error.message || code : String(error);
  return new RegistryError(why, {
    code: TIMEOUTS.has(code) ? 'TIMEOUT' : 'UNREACHABLE',
    operation,
    cause: error,
  });
}
