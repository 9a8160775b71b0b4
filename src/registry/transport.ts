import type { Readable } from 'node:stream';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { guardedLookup, literalFault, type MayBeInternal } from './address-guard.ts';

/** Time for TCP and TLS together. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Registries may hash and move a whole blob before they answer a PUT; it must be finite all the same. */
const HEADERS_TIMEOUT_MS = 300_000;
/** Longest silence inside a body. */
const BODY_TIMEOUT_MS = 60_000;
/** undici's default of 4 s would cost a handshake between two steps of one slow copy; most servers keep 60 s. */
const KEEP_ALIVE_MS = 30_000;

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array | string;
  readonly signal: AbortSignal;
}

/** The body must be read or destroyed, or its connection is lost to the pool. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

export interface TransportOptions {
  readonly mayBeInternal: MayBeInternal;
  /** Connections per origin. */
  readonly connections: number;
}

/** One HTTP exchange, without redirects, retries or credentials; connections are kept and shared. */
export class Transport {
  readonly #agent: Agent;
  #requests = 0;

  constructor({ mayBeInternal, connections }: TransportOptions) {
    this.#agent = new Agent({
      connect: guardedConnector(mayBeInternal),
      connections,
      pipelining: 1,
      // Blobs gain nothing from one multiplexed connection, and lose its throughput.
      allowH2: false,
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: BODY_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    });
  }

  /** HTTP requests sent so far, those to realms and redirects among them. */
  get requests(): number {
    return this.#requests;
  }

  async send({ method, url, headers, body, signal }: Exchange): Promise<Answer> {
    this.#requests += 1;
    const answer = await this.#agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers,
      signal,
      // undici closes the connection behind every HEAD unless told otherwise (its pull request 1858).
      reset: false,
      ...(body !== undefined && { body }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.body, url };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function guardedConnector(mayBeInternal: MayBeInternal): buildConnector.connector {
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    lookup: guardedLookup(mayBeInternal),
    allowH2: false,
  });
  return (options, callback) => {
    const fault = literalFault(options.hostname, mayBeInternal);
    if (fault === undefined) connect(options, callback);
    else callback(fault, null);
  };
}

/** One value of a header; of several, the first. */
export function headerOf(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Reads a body that nobody wants, so that its connection can serve the next request. */
export async function drain(answer: Answer): Promise<void> {
  await answer.body.dump().catch(() => undefined);
}

/** Reads a body of at most `limit` bytes. @returns undefined when it is longer; the rest is thrown away. */
export async function readUpTo(answer: Answer, limit: number): Promise<Buffer | undefined> {
  const body: AsyncIterable<Buffer> = answer.body;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
