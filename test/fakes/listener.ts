import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import type { Answer } from './answer.ts';
import { type Fault, Script } from './fault.ts';
import { type RecordedRequest, Records } from './records.ts';
import { readAll, readBytes } from './request-body.ts';
import { cut, send } from './response.ts';

/** A request as a fake server handles it. `body` rejects when the client goes away. */
export interface Incoming extends Omit<RecordedRequest, 'status' | 'bodyBytes' | 'connection'> {
  body(): Promise<Buffer>;
}

export type Handle = (incoming: Incoming) => Answer | Promise<Answer>;

export interface ListenerOptions {
  readonly faults?: readonly Fault[];
  /** Path of a unix socket to listen on. Default: a free loopback port. */
  readonly socket?: string;
  /** Speaks HTTPS with these (PEM), and may want a client certificate. Default: plain HTTP. */
  readonly tls?: {
    readonly key: string;
    readonly cert: string;
    readonly ca?: string;
    readonly requestCert?: boolean;
  };
}

/** A server that records every request and plays faults. */
export interface Listener {
  /** `http://127.0.0.1:4711` */
  readonly url: string;
  /** `127.0.0.1:4711`, or the path of its socket. */
  readonly host: string;
  /** In the order of arrival; narrowed to a method and to a pattern of path and query. */
  requests(method?: string, path?: RegExp): readonly RecordedRequest[];
  /** Resolves once so many requests of that kind have come, by default one; those of the past count. */
  seen(method?: string, path?: RegExp, times?: number): Promise<void>;
  /** Connections opened so far. */
  connections(): number;
  /** Adds a fault while running. */
  play(fault: Fault): void;
  close(): Promise<void>;
}

export async function listen(handle: Handle, options: ListenerOptions = {}): Promise<Listener> {
  const script = new Script(options.faults ?? []);
  const records = new Records();
  const connections = new Map<Socket, number>();
  const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections.set(socket, connections.size + 1);
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const record = records.add(request, connections.get(request.socket) ?? 0);
    serve({ handle, script, record }, request, response).catch((error: unknown) => giveUp(error, response));
  });
  const host = await listenOn(server, options.socket);
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}`,
    host,
    requests: (method, path) => records.list(method, path),
    seen: (method, path, times) => records.seen(method, path, times),
    connections: () => connections.size,
    play: (fault) => script.add(fault),
    close: () => close(server),
  };
}

interface Scene {
  readonly handle: Handle;
  readonly script: Script;
  readonly record: RecordedRequest;
}

async function serve(scene: Scene, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { record } = scene;
  const play = scene.script.next(record.method, request.url ?? '/');
  await play.wait;
  const firstBytes = play.cutAfterRequestBytes ?? play.answerAfterRequestBytes;
  if (firstBytes !== undefined) await readBytes(request, firstBytes, record);
  if (play.cutAfterRequestBytes !== undefined) return cut(request);
  const { method, path, query, headers } = record;
  const incoming = { method, path, query, headers, body: () => readAll(request, record) };
  const own = play.answer ?? (await scene.handle(incoming));
  const final = play.edit?.(own) ?? own;
  record.status = final.status;
  await send(final, play, response);
  // The rest of a body that was answered early must not stand before the next request of its connection.
  request.resume();
}

/** A client that went away in the middle is part of the play; anything else is a fault of the fake, to be seen. */
function giveUp(error: unknown, response: ServerResponse): void {
  if (response.headersSent || response.req.destroyed) return void response.destroy();
  response.writeHead(500).end(`fake: ${inspect(error)}`);
}

async function listenOn(server: Server, socket: string | undefined): Promise<string> {
  const where = socket === undefined ? { port: 0, host: '127.0.0.1' } : { path: socket };
  await new Promise<void>((resolve) => void server.listen(where, resolve));
  return socket ?? `127.0.0.1:${portOf(server)}`;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot listen: wanted a port');
  return address.port;
}

function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  server.closeAllConnections();
  return closed;
}
