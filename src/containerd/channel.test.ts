import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { FakeContainerd } from '../../test/fakes/containerd.ts';
import { refusal } from '../../test/fakes/containerd-namespace.ts';
import { useSockets } from '../../test/fakes/socket-stage.ts';
import { Channel } from './channel.ts';
import { LIST_IMAGES, VERSION } from './method.ts';

const never = new AbortController().signal;
const CALL = { operation: 'ask', signal: never };

const sockets = useSockets();

async function channelTo(socket: string, namespace = 'k8s.io'): Promise<Channel> {
  return sockets.kept(await Channel.open({ socket, namespace }));
}

async function startFake(): Promise<FakeContainerd> {
  return sockets.kept(await FakeContainerd.start());
}

async function errorOf(socket: string, timeoutMs?: number): Promise<unknown> {
  const channel = await channelTo(socket);
  const asking = channel.call(VERSION, {}, { ...CALL, ...(timeoutMs !== undefined && { timeoutMs }) });
  return asking.then(
    () => 'an answer',
    (error: unknown) => error,
  );
}

describe('a socket', () => {
  test('that is not there', async () => {
    const socket = sockets.path('no.sock');
    await expect(errorOf(socket)).resolves.toMatchObject({
      code: 'UNREACHABLE',
      retriable: true,
      message: `Cannot ask: nobody answers at the socket; is containerd running (connect ENOENT ${socket})`,
    });
  });

  test('that nobody listens at any more', async () => {
    const socket = sockets.path('file');
    writeFileSync(socket, '');
    await expect(errorOf(socket)).resolves.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('that is a folder', async () => {
    const socket = sockets.path('folder');
    mkdirSync(socket);
    await expect(errorOf(socket)).resolves.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('whose path is too long for one', async () => {
    await expect(errorOf(sockets.path('x'.repeat(200)))).resolves.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('of a server that speaks HTTP/1.1, as that of Docker', async () => {
    const socket = await sockets.listening(createHttpServer((_, response) => response.writeHead(404).end()));
    await expect(errorOf(socket)).resolves.toMatchObject({
      code: expect.stringMatching(/^(?:UNREACHABLE|INTERRUPTED)$/),
    });
  });

  test('of a server that hangs up', async () => {
    const socket = await sockets.listening(createServer((connection) => connection.destroy()));
    await expect(errorOf(socket)).resolves.toMatchObject({
      code: expect.stringMatching(/^(?:UNREACHABLE|INTERRUPTED)$/),
    });
  });

  test('of a server that says nothing', async () => {
    const socket = await sockets.listening(
      createServer((connection) => sockets.kept({ close: () => connection.destroy() })),
    );
    await expect(errorOf(socket, 200)).resolves.toMatchObject({ code: 'TIMEOUT', retriable: true });
  });

  test('of a server of the same protocol with other calls', async () => {
    const daemon = sockets.kept(await FakeContainerd.start({ without: ['Version'] }));
    await expect(errorOf(daemon.socket)).resolves.toMatchObject({
      code: 'UNSUPPORTED_VERSION',
      retriable: false,
      message: expect.stringContaining('wanted containerd 1.6 or newer'),
    });
  });

  test.each(['EACCES', 'EPERM'])('that we may not use: %s', async (why) => {
    const daemon = await startFake();
    // The words in which the library hands on what the system said.
    const details = `No connection established. Last error: Error: connect ${why} ${daemon.socket}. Resolution note: `;
    daemon.answers.set('Version.Version', () => {
      throw refusal(status.UNAVAILABLE, details);
    });
    await expect(errorOf(daemon.socket)).resolves.toMatchObject({
      code: 'DENIED',
      retriable: false,
      message: `Cannot ask: we may not use the socket; its owner is root (connect ${why} ${daemon.socket})`,
    });
  });

  test('is found by a relative path, and by one with spaces', async () => {
    const daemon = await startFake();
    const relative = join('..', '..', '..', '..', '..', '..', '..', '..', daemon.socket);
    const channel = await channelTo(relative);
    await expect(channel.call(VERSION, {}, CALL)).resolves.toMatchObject({ version: 'v2.1.9' });
    await expect(errorOf(sockets.path('a b'))).resolves.toMatchObject({
      message: expect.stringContaining(`connect ENOENT ${sockets.path('a b')}`),
    });
  });
});

describe('a call', () => {
  test('carries the namespace', async () => {
    const daemon = await startFake();
    const channel = await channelTo(daemon.socket, 'moby');
    await channel.call(LIST_IMAGES, { filters: [] }, CALL);
    expect(daemon.calls).toEqual(['moby Images.List']);
  });

  test('without a namespace is told of', async () => {
    const daemon = await startFake();
    const channel = await channelTo(daemon.socket, '');
    await expect(channel.call(LIST_IMAGES, { filters: [] }, CALL)).rejects.toMatchObject({
      code: 'REFUSED',
      message: 'Cannot ask: namespace is required: failed precondition',
    });
  });

  test('takes an answer larger than gRPC does by default', async () => {
    const daemon = await startFake();
    const name = `docker.io/library/${'x'.repeat(200)}`;
    const target = { mediaType: 'x', digest: `sha256:${'a'.repeat(64)}`, size: 1 };
    const images = Array.from({ length: 20_000 }, (_, at) => ({ name: `${name}:${at}`, target }));
    daemon.answers.set('Images.List', () => ({ images }));
    const channel = await channelTo(daemon.socket);
    await expect(channel.call(LIST_IMAGES, { filters: [] }, CALL)).resolves.toMatchObject({
      images: { length: 20_000 },
    });
  });

  test('can be stopped', async () => {
    const daemon = await startFake();
    const stopping = new AbortController();
    daemon.answers.set('Version.Version', () => {
      stopping.abort();
      return new Promise(() => {});
    });
    const channel = await channelTo(daemon.socket);
    const asking = channel.call(VERSION, {}, { operation: 'ask', signal: stopping.signal });
    await expect(asking).rejects.toMatchObject({ code: 'ABORTED', retriable: false });
  });

  test('of a channel that was closed fails', async () => {
    const daemon = await startFake();
    const channel = await channelTo(daemon.socket);
    channel.close();
    await expect(channel.call(VERSION, {}, CALL)).rejects.toThrow('shut down');
  });
});
