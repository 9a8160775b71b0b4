import { once } from 'node:events';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Agent, request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';

/** A server on loopback and the authority to trust. */
export interface Peer {
  readonly port: number;
  readonly ca: string;
}

export interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends one request and reads the whole answer. */
export async function ask(peer: Peer, question: Question = {}): Promise<Reply> {
  const outgoing = begin(peer, question);
  outgoing.end(question.body);
  return replyTo(outgoing);
}

/** Opens a request whose body the test writes itself. */
export function begin(
  peer: Peer,
  { method = 'GET', path = '/', headers = {}, agent }: Question = {},
): ClientRequest {
  const { port, ca } = peer;
  return request({ host: '127.0.0.1', port, ca, method, path, headers, agent: agent ?? false });
}

export async function replyTo(outgoing: ClientRequest): Promise<Reply> {
  const incoming = await responseTo(outgoing);
  const body = Buffer.concat(await incoming.toArray()).toString();
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body };
}

function responseTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
}

/** A connection after its handshake, for requests that no client library would send. */
export async function openConnection({ port, ca }: Peer): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca });
  await once(socket, 'secureConnect');
  return socket;
}

/** Sends bytes as they are and reads until the server closes or cuts the connection. */
export async function exchange(peer: Peer, bytes: string): Promise<string> {
  const socket = await openConnection(peer);
  const received: Buffer[] = [];
  socket.on('data', (piece: Buffer) => received.push(piece));
  socket.on('error', () => {});
  socket.write(bytes);
  await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  return Buffer.concat(received).toString();
}
