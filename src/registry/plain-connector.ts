import { type LookupFunction, Socket } from 'node:net';
import type buildConnector from 'undici/lib/core/connect.js';
import { ConnectTimeoutError } from 'undici/lib/core/errors.js';
import type { ReadBuffers } from '../buffers/read-buffers.ts';

const DEFAULT_PORT = 80;
/** Until the system asks whether the other end is still there; undici's own value. */
const KEEP_ALIVE_MS = 60_000;

export interface PlainConnectorOptions {
  /** For the connection to stand, in milliseconds. */
  readonly timeout: number;
  readonly lookup: LookupFunction;
  /** What the sockets read into. */
  readonly buffers: ReadBuffers;
}

/**
 * Connects without TLS: to registries nearby, where the processor is what bounds a copy. undici's own connector makes its
 * sockets itself, and one that brings the buffers to read into has to be known before it is made.
 */
export function plainConnector({
  timeout,
  lookup,
  buffers,
}: PlainConnectorOptions): buildConnector.connector {
  return ({ hostname, port }, callback) => {
    const socket = socketReadingInto(buffers);
    const timer = setTimeout(
      () => socket.destroy(new ConnectTimeoutError('it did not answer in time')),
      timeout,
    );
    function fail(error: Error): void {
      clearTimeout(timer);
      callback(error, null);
    }
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      callback(null, socket);
    });
    socket.connect({ host: hostname, port: Number(port || DEFAULT_PORT), lookup });
  };
}

function socketReadingInto(buffers: ReadBuffers): Socket {
  const socket = new Socket({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    onread: {
      buffer: () => buffers.take(),
      // As Node's own reading does it: false when the stream has enough for now.
      callback: (length, buffer): boolean => socket.push(buffers.lend(buffer, length)),
    },
  });
  return socket;
}
