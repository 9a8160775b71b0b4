import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';

export interface ConnectProxyOptions {
  /** Where tunnels lead, by what is asked for: `registry.test:443` → `127.0.0.1:4711`. Others are refused with 502. */
  readonly routes?: Readonly<Record<string, string>>;
  /** `user:password` that it wants. Default: none. */
  readonly account?: string;
  /** Speaks HTTPS with these (PEM). */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Never answers. */
  readonly silent?: boolean;
}

/** An HTTP proxy on loopback that opens tunnels. */
export interface ConnectProxy {
  /** `http://127.0.0.1:4711` */
  readonly url: string;
  /** What tunnels were asked for, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export async function startProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const asked: string[] = [];
  const sockets = new Set<Duplex>();
  const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
  server.on('connection', (socket: Duplex) => sockets.add(socket));
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    asked.push(request.url ?? '');
    socket.on('error', () => undefined);
    if (options.silent !== true) serve(request, socket, options);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    asked,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function serve(
  request: IncomingMessage,
  socket: Duplex,
  { routes = {}, account }: ConnectProxyOptions,
): void {
  const wanted = account && `Basic ${Buffer.from(account).toString('base64')}`;
  if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) return refuse(socket, 407);
  const route = routes[request.url ?? ''];
  if (route === undefined) return refuse(socket, 502);
  const { hostname, port } = new URL(`http://${route}`);
  const upstream = connect(Number(port), hostname, () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    pipeline(socket, upstream, socket, () => undefined);
  });
}

function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`);
}
