import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server as PlainServer,
  type ServerResponse,
} from 'node:http';
import { createServer, type Server } from 'node:https';
import type { SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls';

const SECOND = 1000;

/** How patient a server is, in milliseconds. */
export interface Timeouts {
  readonly keepAliveTimeout: number;
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
}

/** Node's own defaults are minutes: time for a slow client to hold a connection for nothing. */
const TIMEOUTS: Timeouts = {
  // API servers keep idle connections for 90 s (client-go); whoever closes first while the other sends loses a request.
  keepAliveTimeout: 120 * SECOND,
  headersTimeout: 10 * SECOND,
  // 32 MiB in 30 s is 9 Mbit/s: a client slower than that is no API server.
  requestTimeout: 30 * SECOND,
  // How often the two above are looked at; the default of 30 s would double them.
  connectionsCheckingInterval: 2 * SECOND,
};

const HANDSHAKE_TIMEOUT = 10 * SECOND;
/** Silence on a connection with a request under way: twice the longest that an API server waits. */
const SILENCE_TIMEOUT = 60 * SECOND;

/**
 * Three API servers with 25 idle connections each (client-go) and all their requests at once need 700. A connection
 * costs about 50 KB here.
 */
const MOST_CONNECTIONS = 1024;
/** Prometheus and a person or two. */
const MOST_PLAIN_CONNECTIONS = 64;

/** Answers one request; whatever goes wrong in it is its own to answer. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => unknown;

/** HTTPS with HTTP/1.1, which is all that API servers speak to webhooks in a cluster. Not listening yet. */
export function createSecureServer(context: TlsOptions, handle: Handle, timeouts = TIMEOUTS): Server {
  const server = createServer({ ...context, ...timeouts, handshakeTimeout: HANDSHAKE_TIMEOUT }, handle);
  return limited(server, MOST_CONNECTIONS);
}

/**
 * The same for those alone who have a certificate of the context's `ca`: others do not get as far as a request.
 * @param onStranger is told why one was turned away
 */
export function createMutualServer(
  context: SecureContextOptions,
  handle: Handle,
  onStranger: (reason: string) => void = () => {},
): Server {
  const server = createSecureServer({ ...context, requestCert: true, rejectUnauthorized: true }, handle);
  server.on('tlsClientError', (_error, socket: TLSSocket) => {
    // In truth a code, and none where the client itself ended the connection.
    const reason: unknown = socket.authorizationError;
    if (typeof reason === 'string') onStranger(reason);
  });
  return server;
}

/** Plain HTTP with the same patience. Not listening yet. */
export function createPlainServer(handle: Handle): PlainServer {
  return limited(createHttpServer({ ...TIMEOUTS }, handle), MOST_PLAIN_CONNECTIONS);
}

function limited<Listener extends PlainServer | Server>(server: Listener, connections: number): Listener {
  server.maxConnections = connections;
  server.setTimeout(SILENCE_TIMEOUT);
  return server;
}
