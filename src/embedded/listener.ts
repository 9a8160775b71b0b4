import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

export interface ListenOptions {
  /** Default 0: any free one. */
  readonly port?: number;
  /** Default `127.0.0.1`: a registry without a password is for this machine only. */
  readonly host?: string;
  /** Serves HTTPS with these (PEM). Default: plain HTTP. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
}

export interface Listener {
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** Takes no more requests, and resolves once those under way are answered. */
  close(): Promise<void>;
}

/** A peer that neither sends nor takes a byte for so long is gone. */
const SILENCE_MS = 5 * 60 * 1000;
/** Longer than clients keep a connection, so that it is they who close it: no request meets a closing socket. */
const KEEP_ALIVE_MS = 120 * 1000;
/** Requests under way at `close` may take so long to end. */
const CLOSE_GRACE_MS = 10 * 1000;

/** @throws the error of the socket, such as `EADDRINUSE` */
export async function listen(handler: RequestListener, options: ListenOptions = {}): Promise<Listener> {
  const { port = 0, host = '127.0.0.1', tls } = options;
  const server = tls === undefined ? createServer(handler) : createTlsServer(tls, handler);
  // Node ends a request after five minutes, whole; a blob may well take longer.
  server.requestTimeout = 0;
  server.timeout = SILENCE_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  return { url: urlOf(server, host, tls === undefined ? 'http' : 'https'), close: () => close(server) };
}

function urlOf(server: Server, host: string, scheme: string): string {
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(cut);
}
