import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { createConnection } from 'node:net';
import { resolve as resolvePath } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { ContainerdError } from './containerd-error.ts';
import { faultOf } from './grpc-fault.ts';

/**
 * Bytes of one answer that may come unread. Each frame of 16 KiB then keeps the 64 KiB alive that it was read with,
 * until V8 looks at all of its heap: with a window of 1 MiB a copy took up to 40 MB more. HTTP/2's own 64 KiB have a
 * word sent back for every other piece.
 */
const WINDOW = 128 * 1024;
/** The same for all answers together: each is bounded already. */
const CONNECTION_WINDOW = 16 * 1024 * 1024;
/** Before a message: that it is not compressed, and its length. */
const PREFIX = 5;

export interface FrameCall {
  /** For errors: `read sha256:… from containerd`. */
  readonly operation: string;
  readonly signal: AbortSignal;
}

/** An answer in the frames of gRPC as they come. It always closes; then `fault` says in which way. */
export interface Frames {
  readonly stream: ClientHttp2Stream;
  /** @returns undefined when the daemon said that this was all */
  readonly fault: () => ContainerdError | undefined;
}

/** What grpc-js would say. */
class CallError extends Error {
  override readonly name = 'CallError';
  /** A `status` of gRPC, if the daemon keeps to it. */
  readonly code: number;
  readonly details: string;

  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

/**
 * gRPC calls without its library, which puts each message together before anybody may look at it. The connection is
 * made at the first call, and again after it broke; while there are no calls it keeps no process alive.
 */
export class FrameConnection {
  readonly #socket: string;
  readonly #namespace: string;
  #session: ClientHttp2Session | undefined;
  #calls = 0;
  #isClosed = false;

  constructor({ socket, namespace }: { readonly socket: string; readonly namespace: string }) {
    this.#socket = resolvePath(socket);
    this.#namespace = namespace;
  }

  /** @throws ContainerdError when it was closed */
  send(path: string, message: Buffer, call: FrameCall): Frames {
    if (this.#isClosed) throw faultOf(new CallError(status.CANCELLED, 'the channel was shut down'), call);
    const session = this.#open();
    const stream = session.request(this.#headersFor(path), { signal: call.signal });
    this.#keepAlive(session, stream);
    const prefix = Buffer.alloc(PREFIX);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    return framesOf(stream, call);
  }

  /** Breaks off what runs. */
  close(): void {
    this.#isClosed = true;
    this.#session?.destroy();
  }

  #headersFor(path: string): Record<string, string> {
    return {
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'containerd-namespace': this.#namespace,
    };
  }

  #open(): ClientHttp2Session {
    const known = this.#session;
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const session = connect('http://localhost', {
      createConnection: () => createConnection(this.#socket),
      settings: { enablePush: false, initialWindowSize: WINDOW },
    });
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW));
    // Each call hears of it.
    session.on('error', () => {});
    this.#session = session;
    this.#calls = 0;
    return session;
  }

  #keepAlive(session: ClientHttp2Session, stream: ClientHttp2Stream): void {
    this.#calls += 1;
    session.ref();
    stream.once('close', () => {
      if (session !== this.#session) return;
      this.#calls -= 1;
      if (this.#calls === 0) session.unref();
    });
  }
}

type LastHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

function framesOf(stream: ClientHttp2Stream, call: FrameCall): Frames {
  let broken: Error | undefined;
  let last: LastHeaders = {};
  function hear(headers: LastHeaders): void {
    last = headers;
  }
  // What ends without content has its status in the first headers.
  stream.once('response', hear);
  stream.once('trailers', hear);
  stream.on('error', (error) => {
    broken = error;
  });
  return {
    stream,
    fault: () => {
      const error = errorIn(last, broken);
      return error && faultOf(error, call);
    },
  };
}

function errorIn(
  { ':status': http = 200, 'grpc-status': said, 'grpc-message': message }: LastHeaders,
  broken: Error | undefined,
): CallError | undefined {
  if (said === '0') return undefined;
  if (said !== undefined) return new CallError(Number(said), decoded(String(message ?? '')));
  if (http !== 200) return new CallError(status.INTERNAL, `HTTP status ${http}`);
  return new CallError(status.UNAVAILABLE, causeOf(broken));
}

/** A stream that never began is cancelled, whatever the connection met with. */
function causeOf(broken: Error | undefined): string {
  if (broken === undefined) return 'the connection was closed';
  return broken.cause instanceof Error ? broken.cause.message : broken.message;
}

function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
