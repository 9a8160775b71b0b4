import type { MayBeInternal } from './address-guard.ts';
import { BoundedMap } from './bounded-map.ts';
import type { Call } from './call.ts';
import { asRegistryError, type Wanted } from './connection-error.ts';
import type { FindCredentials } from './credential.ts';
import type { SpeaksPlainHttp } from './endpoint.ts';
import type { ObserveRegistry, RegistryEvent } from './event.ts';
import { Host, type HostOptions } from './host.ts';
import type { FindHostCertificates } from './host-certificates.ts';
import { problemOf } from './problem.ts';
import type { FindProxy } from './proxy.ts';
import { RegistryError } from './registry-error.ts';
import { FIRST_PAUSE_MS, pauseAfter, rest, withRetries } from './retry.ts';
import { Sender } from './sender.ts';
import type { TraitMemory } from './trait.ts';
import { type Answer, headerOf, readUpTo, Transport } from './transport.ts';

export interface ClientOptions {
  readonly findCredentials: FindCredentials;
  readonly speaksPlainHttp: SpeaksPlainHttp;
  readonly mayBeInternal: MayBeInternal;
  /** Certificates by host. Default: those of the system for every host. */
  readonly findCertificates?: FindHostCertificates | undefined;
  /** Default: every host is reached directly. */
  readonly findProxy?: FindProxy | undefined;
  readonly observe?: ObserveRegistry;
  /** Pause before a request is tried a second time, doubled with each further one. Default: 200 ms. */
  readonly firstPauseMs?: number;
}

/** Hosts of which something is remembered; what is forgotten of a host is found out again. */
const MOST_HOSTS = 1_000;
/** Connections kept for one origin: enough for every blob under way and its small requests. */
const CONNECTIONS = 32;

/**
 * Speaks to registries: credentials, redirects, retries and what was learned are shared by all that goes through it.
 * One for each side of a copy, so that nothing of the one is used on the other.
 */
export class Client {
  readonly #transport: Transport;
  readonly #sender: Sender;
  readonly #observe: ObserveRegistry;
  readonly #hostOptions: HostOptions;
  readonly #hosts = new BoundedMap<string, Host>(MOST_HOSTS);

  constructor(options: ClientOptions) {
    const { speaksPlainHttp, firstPauseMs = FIRST_PAUSE_MS, observe = ignore } = options;
    const { mayBeInternal, findCertificates, findProxy } = options;
    const transport = new Transport({ mayBeInternal, findCertificates, findProxy, connections: CONNECTIONS });
    this.#transport = transport;
    this.#sender = new Sender(transport, options.findCredentials);
    this.#observe = observe;
    this.#hostOptions = { transport, speaksPlainHttp, firstPauseMs };
  }

  /** A call whose body, if any, can be sent again. Repeats it while its error says that this may help. */
  call(call: Call): Promise<Answer> {
    return withRetries(this.#host(call.audience.host).patience, call, () => this.callOnce(call));
  }

  /**
   * A call with the whole body of its answer, repeated as `call` does, also when the body breaks.
   * @throws RegistryError `TOO_LARGE` for a body over `limit` bytes
   */
  read(call: Call, limit: number): Promise<{ readonly answer: Answer; readonly bytes: Buffer }> {
    return withRetries(this.#host(call.audience.host).patience, call, async () => {
      const answer = await this.callOnce(call);
      return { answer, bytes: await readWhole(answer, limit, call) };
    });
  }

  /** A call with a body that is gone after the first try. */
  async callOnce(call: Call): Promise<Answer> {
    const answer = await this.#sender.send(call, await this.#host(call.audience.host).url());
    this.#notice(call, answer);
    if (call.expect.includes(answer.status)) return answer;
    throw await problemOf(answer, call.operation, call.method);
  }

  /** The pause before what failed is begun anew, for callers that repeat more than one request. */
  async rest(
    host: string,
    error: unknown,
    { tries, ...wanted }: Wanted & { readonly tries: number },
  ): Promise<void> {
    await rest(pauseAfter(error, tries, this.#host(host).patience) ?? 0, wanted);
  }

  /** Rejects as soon as the host wants to be left alone for a while (429), or when the signal aborts. */
  async heldBack(host: string, { operation, signal }: Wanted): Promise<never> {
    await this.#host(host).patience.gate.closed(signal);
    throw new RegistryError('the registry asked for a pause', { code: 'RATE_LIMITED', operation });
  }

  traits(host: string): TraitMemory {
    return this.#host(host).traits;
  }

  /** For what is noticed by those who know more of an answer than its headers. */
  tell(event: RegistryEvent): void {
    this.#observe(event);
  }

  /** HTTP requests sent so far. */
  get requests(): number {
    return this.#transport.requests;
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  #notice({ audience: { host } }: Call, answer: Answer): void {
    for (const text of this.#host(host).warnings.fresh(answer.headers['warning']))
      this.#observe({ type: 'warning', host, text });
    const remaining = Number.parseInt(headerOf(answer, 'ratelimit-remaining') ?? '', 10);
    if (!Number.isNaN(remaining)) this.#observe({ type: 'pulls-left', host, remaining });
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const created = new Host(name, this.#hostOptions);
    this.#hosts.set(name, created);
    return created;
  }
}

function ignore(): void {}

async function readWhole(answer: Answer, limit: number, call: Call): Promise<Buffer> {
  let bytes: Buffer | undefined;
  try {
    bytes = await readUpTo(answer, limit);
  } catch (error) {
    throw asRegistryError(error, call);
  }
  if (bytes !== undefined) return bytes;
  const { operation } = call;
  throw new RegistryError(`it is larger than ${limit} bytes`, { code: 'TOO_LARGE', operation });
}
