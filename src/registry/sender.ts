import { Authorizer, type Proof } from './authorizer.ts';
import type { Call } from './call.ts';
import { asRegistryError } from './connection-error.ts';
import type { FindCredentials } from './credential.ts';
import { unlessAborted } from './pause.ts';
import { sendFollowing } from './redirect.ts';
import { type Answer, drain, type Exchange, isStream, type Transport } from './transport.ts';

/** Proxies that compress blobs would change their bytes. Registries show the agent in their logs. */
const COMMON_HEADERS = { 'accept-encoding': 'identity', 'user-agent': 'image-cloner' };
/** One for a stale token, then one for each credential; more than a handful of candidates is a mistake. */
const MOST_REFUSALS = 8;
/** For a request that its caller cannot break off. */
const UNBROKEN_TIMEOUT_MS = 60_000;

/** Sends requests with the Authorization that their registry wants. */
export class Sender {
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;

  constructor(transport: Transport, findCredentials: FindCredentials) {
    this.#transport = transport;
    this.#authorizer = new Authorizer(transport, findCredentials);
  }

  /**
   * @param endpoint base URL of the registry
   * @returns any answer; a 401 when no credential was taken, or when the body cannot be sent again
   * @throws RegistryError
   */
  async send(call: Call, endpoint: URL): Promise<Answer> {
    let proof = await unlessCalledOff(call, this.#authorizer.proofFor(call.audience));
    for (let refusals = 0; ; refusals++) {
      const answer = await this.#exchange(call, endpoint, proof);
      // What another host asks for, where a redirect or a Location led, is not ours to answer.
      const refused = answer.status === 401 && answer.url.origin === endpoint.origin;
      if (!refused || refusals === MOST_REFUSALS || isStream(call.body)) return answer;
      const next = await this.#afterRefusal(call, answer, proof);
      if (next === undefined) return answer;
      await drain(answer);
      proof = next;
    }
  }

  async #afterRefusal(call: Call, answer: Answer, refused: Proof): Promise<Proof | undefined> {
    try {
      return await unlessCalledOff(call, this.#authorizer.afterRefusal(call.audience, answer, refused));
    } catch (error) {
      await drain(answer);
      throw error;
    }
  }

  async #exchange(call: Call, endpoint: URL, { header }: Proof): Promise<Answer> {
    const { operation, method, body, signal, unbroken = false } = call;
    const url = new URL(call.target, endpoint);
    // An upload may be sent elsewhere by its Location; who we are stays between us and the registry.
    const identity = header !== undefined && url.origin === endpoint.origin ? { authorization: header } : {};
    const exchange: Exchange = {
      method,
      url,
      home: endpoint.hostname,
      headers: { ...COMMON_HEADERS, ...call.headers, ...identity },
      signal: unbroken ? AbortSignal.timeout(UNBROKEN_TIMEOUT_MS) : signal,
      ...(body !== undefined && { body }),
    };
    try {
      return await sendFollowing(this.#transport, exchange, operation);
    } catch (error) {
      throw asRegistryError(error, call);
    }
  }
}

/** Others may wait for the same token, so the work itself is not this caller's to break off. */
async function unlessCalledOff<T>(call: Call, work: Promise<T>): Promise<T> {
  try {
    return await unlessAborted(call.signal, work);
  } catch (error) {
    throw call.signal.aborted ? asRegistryError(error, call) : error;
  }
}
