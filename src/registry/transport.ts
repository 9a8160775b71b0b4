import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import request from 'undici/lib/api/api-request.js';
import buildConnector from 'undici/lib/core/connect.js';
import { BodyTimeoutError } from 'undici/lib/core/errors.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import { readBuffers } from '../buffers/read-buffers.ts';
import { forbiddenAddress, guardedLookup, literalFault, type MayBeInternal } from './address-guard.ts';
import type { FindHostCertificates } from './host-certificates.ts';
import { hostConnector } from './host-connector.ts';
import type { FindProxy } from './proxy.ts';
import { proxyConnector } from './proxy-connector.ts';
import { giveBackWhatIsSent } from './sent-chunks.ts';
import { readingInto } from './socket-reader.ts';

/** Time for TCP and TLS together. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Registries may hash and move a whole blob after its last byte; it must be finite all the same. */
const PATIENCE = { putMs: 300_000, otherMs: 60_000 };
/** Longest silence inside a body. */
const BODY_TIMEOUT_MS = 60_000;
/** For the whole of a body that is kept in memory or thrown away: a few MiB at the most. */
const SMALL_BODY_TIMEOUT_MS = 60_000;
/** A longer body costs more to read than a new connection. */
const WORTH_DRAINING = 128 * 1024;
/** undici's default of 4 s would cost a handshake between two steps of one slow copy; most servers keep 60 s. */
const KEEP_ALIVE_MS = 30_000;
/** A registry on loopback answers at once or is not there. */
const TLS_PROBE_TIMEOUT_MS = 2_000;

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  /** Name of the registry that is meant, wherever its redirects, realms and locations lead. */
  readonly home: string;
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
  /** Longest wait for the answer to a PUT and to everything else, in milliseconds. Default: 5 minutes and 1. */
  readonly patience?: { readonly putMs: number; readonly otherMs: number };
  /** Default: every host is trusted by the authorities of the system, and none learns who we are. */
  readonly findCertificates?: FindHostCertificates | undefined;
  /** Default: every host is reached directly. */
  readonly findProxy?: FindProxy | undefined;
}

/** One HTTP exchange, without redirects, retries or credentials; connections are kept and shared. */
export class Transport {
  readonly #agent: Agent;
  readonly #mayBeInternal: MayBeInternal;
  readonly #patience: { readonly putMs: number; readonly otherMs: number };
  #requests = 0;

  constructor({ mayBeInternal, connections, patience = PATIENCE, ...options }: TransportOptions) {
    this.#mayBeInternal = mayBeInternal;
    this.#patience = patience;
    this.#agent = new Agent({
      connect: guardedConnector(mayBeInternal, {}, options),
      connections,
      pipelining: 1,
      // Blobs gain nothing from one multiplexed connection, and lose its throughput.
      allowH2: false,
      bodyTimeout: BODY_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    });
  }

  /** HTTP requests sent so far, those to realms and redirects among them. */
  get requests(): number {
    return this.#requests;
  }

  /** @throws whatever undici throws; RegistryError `FORBIDDEN_HOP` on the way to an internal address */
  async send({ method, url, home, headers, body, signal }: Exchange): Promise<Answer> {
    this.#refuseWayIn(url.hostname, home);
    this.#requests += 1;
    const answer = await request.call(this.#agent, {
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers,
      signal,
      headersTimeout: method === 'PUT' ? this.#patience.putMs : this.#patience.otherMs,
      // undici closes the connection behind every HEAD unless told otherwise (its pull request 1858).
      reset: false,
      ...(body !== undefined && { body }),
    });
    // A body that is given up breaks, and nobody may be listening any more; readers still hear of it.
    answer.body.on('error', ignore);
    return { status: answer.statusCode, headers: answer.headers, body: answer.body, url };
  }

  /** Does a server answer to TLS there? Nothing is sent, so it does not matter whose certificate it shows. */
  speaksTls({ hostname, port, host }: URL): Promise<boolean> {
    const connect = guardedConnector(this.#mayBeInternal, {
      rejectUnauthorized: false,
      timeout: TLS_PROBE_TIMEOUT_MS,
    });
    return new Promise((resolve) => {
      connect({ hostname, host, protocol: 'https:', port: port || '443' }, (error, socket) => {
        socket?.destroy();
        resolve(error === null);
      });
    });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** What the operator lets us reach inside is for those who name it, not for a registry outside that points there. */
  #refuseWayIn(hostname: string, home: string): void {
    if (!this.#mayBeInternal(bare(hostname)) || this.#mayBeInternal(bare(home))) return;
    throw forbiddenAddress(hostname);
  }
}

function ignore(): void {}

/** A body that is gone once it was sent. */
export function isStream(body: Exchange['body']): body is Readable {
  return body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
}

function guardedConnector(
  mayBeInternal: MayBeInternal,
  options: buildConnector.BuildOptions = {},
  { findCertificates, findProxy }: Pick<TransportOptions, 'findCertificates' | 'findProxy'> = {},
): buildConnector.connector {
  const lookup = guardedLookup(mayBeInternal);
  const onread = readingInto(readBuffers);
  const all = { timeout: CONNECT_TIMEOUT_MS, lookup, allowH2: false, onread, ...options };
  const plain = buildConnector(all);
  const direct = findCertificates === undefined ? plain : hostConnector(all, findCertificates);
  const secure = findProxy === undefined ? direct : proxyConnector(direct, findProxy, CONNECT_TIMEOUT_MS);
  return (target, callback) => {
    const fault = literalFault(bare(target.hostname), mayBeInternal);
    const connect = target.protocol === 'https:' ? secure : plain;
    if (fault !== undefined) return callback(fault, null);
    connect({ ...target, hostname: bare(target.hostname) }, (...outcome) => {
      // undici leaves the socket out where there is an error.
      if (outcome[0] === null) giveBackWhatIsSent(outcome[1], readBuffers);
      callback(...outcome);
    });
  };
}

/** An IPv6 address stands in brackets inside a URL only. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** One value of a header; of several, the first. */
export function headerOf(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Reads a body that nobody wants, so that its connection can serve the next request. */
export async function drain(answer: Answer): Promise<void> {
  const signal = AbortSignal.timeout(SMALL_BODY_TIMEOUT_MS);
  await answer.body.dump({ limit: WORTH_DRAINING, signal }).catch(() => undefined);
}

/** Reads a body of at most `limit` bytes. @returns undefined when it is longer; the rest is thrown away. */
export async function readUpTo(answer: Answer, limit: number): Promise<Buffer | undefined> {
  const body: AsyncIterable<Buffer> = answer.body;
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(giveUp, SMALL_BODY_TIMEOUT_MS, answer);
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > limit) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(timer);
  }
}

function giveUp(answer: Answer): void {
  answer.body.destroy(new BodyTimeoutError('it was sent too slowly'));
}
