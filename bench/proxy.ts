import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { NotHttpError, type Part, type RequestHead, RequestReader } from './request-reader.ts';

export interface ProxyOptions {
  /** Where requests go: `127.0.0.1:4711`. */
  readonly upstream: string;
  /** Each request is held back until this settles. Default: not at all. */
  readonly hold?: () => Promise<unknown>;
  /** The whole answer to a request that is not let through. Default: all pass. */
  readonly refuse?: (head: RequestHead) => string | undefined;
}

/** What went through a proxy. Of connections only those that carried a request: a try with TLS is none. */
export interface Traffic {
  readonly requests: number;
  readonly connections: number;
  /** From the client and to it, heads included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** One client's connection with the one behind it. */
interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  requests: number;
}

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/**
 * Stands in front of a server, counts, and makes the way to it longer. It reads no more of HTTP than it must, and
 * answers not at all, since what it takes of the processor is missing to those that are measured.
 */
export class Proxy {
  /** `127.0.0.1:4711` */
  readonly host: string;
  readonly #server: Server;
  readonly #pairs: readonly Pair[];

  private constructor(server: Server, pairs: readonly Pair[]) {
    this.host = `127.0.0.1:${portOf(server)}`;
    this.#server = server;
    this.#pairs = pairs;
  }

  static async start(options: ProxyOptions): Promise<Proxy> {
    const pairs: Pair[] = [];
    const server = createServer({ noDelay: true }, (client) => {
      const pair = { client, upstream: connectTo(options.upstream), requests: 0 };
      pairs.push(pair);
      void carry(pair, options);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Proxy(server, pairs);
  }

  traffic(): Traffic {
    return {
      requests: sumOf(this.#pairs, ({ requests }) => requests),
      connections: this.#pairs.filter(({ requests }) => requests > 0).length,
      bytesSent: sumOf(this.#pairs, ({ client }) => client.bytesRead),
      bytesReceived: sumOf(this.#pairs, ({ client }) => client.bytesWritten),
    };
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const { client } of this.#pairs) client.destroy();
    await closed;
  }
}

function connectTo(host: string): Socket {
  const { hostname, port } = new URL(`http://${host}`);
  return connect({ host: hostname, port: Number(port), noDelay: true });
}

/** Answers are passed on as they come: no request is sent before the answer to the one before it has come. */
async function carry(pair: Pair, options: ProxyOptions): Promise<void> {
  const { client, upstream } = pair;
  upstream.pipe(client);
  endTogether(client, upstream);
  const reader = new RequestReader();
  const passage = new Passage(pair, options);
  try {
    for await (const piece of client.iterator({ destroyOnReturn: false })) {
      for (const part of reader.read(piece)) await passage.take(part);
    }
    upstream.end();
  } catch (error) {
    // Clients go away when they like; and those that try TLS first are told at once that there is none.
    if (error instanceof NotHttpError) client.end(BAD_REQUEST);
    else client.destroy();
  }
}

function endTogether(client: Socket, upstream: Socket): void {
  client.on('close', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
  client.on('error', () => upstream.destroy());
}

/** Takes the requests of one connection through, or answers in the server's place. */
class Passage {
  readonly #pair: Pair;
  readonly #options: ProxyOptions;
  /** The answer to the present request, given once its body is read. Undefined: it passes. */
  #refusal: string | undefined;

  constructor(pair: Pair, options: ProxyOptions) {
    this.#pair = pair;
    this.#options = options;
  }

  async take(part: Part): Promise<void> {
    if (part.type === 'head') await this.#begin(part.head);
    else if (part.type === 'body') await this.#pass(part.bytes);
    else if (this.#refusal !== undefined) this.#pair.client.write(this.#refusal);
  }

  async #begin(head: RequestHead): Promise<void> {
    const { hold, refuse } = this.#options;
    this.#pair.requests += 1;
    await hold?.();
    this.#refusal = refuse?.(head);
    await this.#pass(head.bytes);
  }

  async #pass(bytes: Buffer): Promise<void> {
    const { upstream } = this.#pair;
    if (this.#refusal !== undefined || upstream.write(bytes) || upstream.destroyed) return;
    await once(upstream, 'drain');
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot listen: wanted a port');
  return address.port;
}

function sumOf<T>(values: readonly T[], number: (value: T) => number): number {
  return values.reduce((sum, value) => sum + number(value), 0);
}
