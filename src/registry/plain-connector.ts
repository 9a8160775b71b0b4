import type { LookupFunction } from 'node:net';
import type buildConnector from 'undici/lib/core/connect.js';
import { ConnectTimeoutError } from 'undici/lib/core/errors.js';
import { PlainSocket } from './plain-socket.ts';
import { ReadBuffers } from './read-buffers.ts';

const DEFAULT_PORT = 80;

/** Of all connections: what is read from one registry is sent to another. */
const buffers = new ReadBuffers();

export interface PlainConnectorOptions {
  /** For the connection to stand, in milliseconds. */
  readonly timeout: number;
  readonly lookup: LookupFunction;
}

/** Connects without TLS: to registries nearby, where the processor is what bounds a copy. */
export function plainConnector({ timeout, lookup }: PlainConnectorOptions): buildConnector.connector {
  return ({ hostname, port }, callback) => {
    const socket = new PlainSocket(buffers);
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
