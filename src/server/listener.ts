import { once } from 'node:events';
import type { IncomingMessage, Server as PlainServer } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** Where to listen: without a host on every address, with port 0 on a free one. */
export interface ListenAddress {
  readonly host?: string;
  readonly port: number;
}

class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'CANNOT_LISTEN';

  constructor({ host, port }: ListenAddress, cause: unknown) {
    super(`Cannot listen on "${host ?? ''}:${port}"`, { cause });
  }
}

/** A server from its first connection to its last. */
export class Listener {
  readonly #server: PlainServer | SecureServer;
  /** Connections that have not sent a request yet. */
  readonly #unused = new Set<Socket>();

  constructor(server: PlainServer | SecureServer) {
    this.#server = server;
    const connected = 'setSecureContext' in server ? 'secureConnection' : 'connection';
    server.on(connected, (socket: Socket) => this.#watch(socket));
    server.on('request', ({ socket }: IncomingMessage) => this.#unused.delete(socket));
  }

  /**
   * @returns the address that was taken, with the real port
   * @throws ListenError
   */
  async listen(address: ListenAddress): Promise<AddressInfo> {
    try {
      this.#server.listen(address.port, address.host);
      await once(this.#server, 'listening');
    } catch (cause) {
      throw new ListenError(address, cause);
    }
    return addressOf(this.#server);
  }

  /**
   * Takes no new connections, closes those without a request, and waits for the requests under way.
   * @param signal when it aborts, what is left is cut
   */
  async close(signal: AbortSignal): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    // Closes what is idle after a request, and stops watching for those that never send one: up to us, then.
    for (const socket of this.#unused) socket.destroy();
    const cut = setUpCut(this.#server, signal);
    await closed;
    signal.removeEventListener('abort', cut);
  }

  #watch(socket: Socket): void {
    this.#unused.add(socket);
    socket.once('close', () => this.#unused.delete(socket));
  }
}

function setUpCut(server: PlainServer | SecureServer, signal: AbortSignal): () => void {
  function cut(): void {
    server.closeAllConnections();
  }
  signal.addEventListener('abort', cut);
  if (signal.aborted) cut();
  return cut;
}

function addressOf(server: PlainServer | SecureServer): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new TypeError('Cannot tell the port of a server');
  return address;
}
