import { once } from 'node:events';
import type { Server } from 'node:https';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ask, begin, openConnection, type Peer, replyTo } from '../../test/fakes/https-client.ts';
import { type LoopbackCertificate, makeLoopbackCertificate } from '../../test/fakes/loopback-certificate.ts';
import { createPlainServer, createSecureServer, type Handle, type Timeouts } from './http-server.ts';
import { Listener } from './listener.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
/** So short that a test sees them act; nothing measures them. */
const IMPATIENT: Timeouts = {
  keepAliveTimeout: 60_000,
  headersTimeout: 50,
  requestTimeout: 50,
  connectionsCheckingInterval: 10,
};

let certificate: LoopbackCertificate;
beforeAll(async () => {
  certificate = await makeLoopbackCertificate();
});

function answerOk(_request: unknown, response: { end: (text: string) => unknown }): void {
  response.end('OK');
}

async function serve(
  handle: Handle = answerOk,
  timeouts?: Timeouts,
): Promise<Peer & { server: Server; listener: Listener }> {
  const { cert, key, ca } = certificate;
  const server = createSecureServer({ cert, key, minVersion: 'TLSv1.2' }, handle, timeouts);
  const listener = new Listener(server);
  const { port } = await listener.listen(LOOPBACK);
  onTestFinished(() => listener.close(AbortSignal.abort()));
  return { server, listener, port, ca };
}

/** The protocol that a handshake agrees on, or the code it fails with. */
async function handshake({ port, ca }: Peer, options: object): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca, ...options });
  try {
    await once(socket, 'secureConnect');
    return `${socket.getProtocol()} ${socket.alpnProtocol || '-'}`;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
  } finally {
    socket.destroy();
  }
}

describe('the HTTPS listener', () => {
  test('keeps idle connections longer than API servers do, and waits for nobody for minutes', async () => {
    const { server } = await serve();
    expect(server.keepAliveTimeout).toBeGreaterThan(90_000);
    expect(server.headersTimeout).toBe(10_000);
    expect(server.requestTimeout).toBe(30_000);
    expect(server.timeout).toBe(60_000);
    expect(server.maxConnections).toBe(1024);
  });

  test.each([
    [{ maxVersion: 'TLSv1.2' }, 'TLSv1.2 -'],
    [{ minVersion: 'TLSv1.3' }, 'TLSv1.3 -'],
    [{ ALPNProtocols: ['http/1.1'] }, 'TLSv1.3 http/1.1'],
    [{ ALPNProtocols: ['h2', 'http/1.1'] }, 'TLSv1.3 http/1.1'],
  ])('agrees with a client of %j on %s', async (options, agreed) => {
    expect(await handshake(await serve(), options)).toBe(agreed);
  });

  test.each([
    [{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    [{ ALPNProtocols: ['h2'] }],
  ])('refuses a client of %j', async (options) => {
    expect(await handshake(await serve(), options)).toMatch(/^(ERR_SSL|ECONNRESET)/);
  });

  test.each([
    ['says nothing after the handshake', ''],
    ['sends its header drop by drop', 'GET / HTTP/1.1\r\nhost: a\r\nx-slow: '],
    ['sends its body drop by drop', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nx'],
  ])('drops a client that %s', async (_name, bytes) => {
    const peer = await serve((request) => void request.resume(), IMPATIENT);
    const socket = await openConnection(peer);
    socket.on('error', () => {});
    socket.write(bytes);
    socket.resume();
    await once(socket, 'close');
    expect(socket.destroyed).toBe(true);
  });
});

describe('listening', () => {
  test('takes a free port and says which', async () => {
    const { server, port, ca } = await serve();
    expect(port).toBeGreaterThan(0);
    expect(server.listening).toBe(true);
    expect((await ask({ port, ca })).body).toBe('OK');
  });

  test.each([
    ['a port that is taken', async () => ({ host: '127.0.0.1', port: (await serve()).port }), 'EADDRINUSE'],
    ['an address of another machine', async () => ({ host: '192.0.2.1', port: 0 }), 'EADDRNOTAVAIL'],
  ])('on %s fails with the address and the reason', async (_name, addressOf, code) => {
    const address = await addressOf();
    const listener = new Listener(createPlainServer(answerOk));
    await expect(listener.listen(address)).rejects.toMatchObject({
      code: 'CANNOT_LISTEN',
      message: `Cannot listen on "${address.host}:${address.port}"`,
      cause: { code },
    });
  });
});

describe('closing', () => {
  const never = new AbortController().signal;

  test('waits for the request under way, which gets its answer', async () => {
    const entered = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const peer = await serve(async (_request, response) => {
      entered.resolve();
      await open.promise;
      response.end('late');
    });
    const outgoing = begin(peer, { headers: { connection: 'keep-alive' } });
    outgoing.end();
    await entered.promise;
    let closed = false;
    const closing = closeAndNote();
    async function closeAndNote(): Promise<void> {
      await peer.listener.close(never);
      closed = true;
    }
    await expect(ask(peer)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(closed).toBe(false);
    open.resolve();
    expect((await replyTo(outgoing)).body).toBe('late');
    outgoing.destroy();
    await closing;
  });

  test('does not wait for connections without a request', async () => {
    const peer = await serve();
    const silent = await openConnection(peer);
    silent.on('error', () => {});
    const used = await openConnection(peer);
    used.on('error', () => {});
    used.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(used, 'data');
    await peer.listener.close(never);
    expect(peer.server.listening).toBe(false);
  });

  test('cuts what is left when told to', async () => {
    const entered = Promise.withResolvers<void>();
    const peer = await serve(() => entered.resolve());
    const outgoing = begin(peer);
    const failed = once(outgoing, 'error');
    outgoing.end();
    await entered.promise;
    const patience = new AbortController();
    const closing = peer.listener.close(patience.signal);
    patience.abort();
    await closing;
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  test('twice, or of a server that never listened, is done at once', async () => {
    const { server, listener } = await serve();
    await listener.close(never);
    await listener.close(never);
    await new Listener(createPlainServer(answerOk)).close(never);
    expect(server.listening).toBe(false);
  });
});
