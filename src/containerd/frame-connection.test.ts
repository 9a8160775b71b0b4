import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { constants, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeContainerd } from '../../test/fakes/containerd.ts';
import { useSockets } from '../../test/fakes/socket-stage.ts';
import { digestOf } from '../image/digest.ts';
import { Channel } from './channel.ts';
import { ContentStore } from './content-store.ts';
import { READ_CONTENT } from './method.ts';

const never = new AbortController().signal;
const CONTENT = Buffer.from('content');
const DESCRIPTOR = { digest: digestOf(CONTENT), size: CONTENT.length };
/** `CONTENT` as a daemon sends it. */
const MESSAGE = Buffer.concat([Buffer.from([0, 0, 0, 0, 9, 0x12, 7]), CONTENT]);

const sockets = useSockets();

/** A server of HTTP/2 that answers every request alike. */
function answering(answer: (stream: ServerHttp2Stream) => void): Promise<string> {
  const server = createHttp2Server();
  server.on('session', (session) => sockets.kept({ close: () => session.destroy() }));
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    answer(stream);
  });
  return sockets.listening(server);
}

async function channelTo(socket: string): Promise<Channel> {
  return sockets.kept(await Channel.open({ socket, namespace: 'k8s.io' }));
}

async function read(socket: string): Promise<Buffer> {
  return buffer(new ContentStore(await channelTo(socket)).open(DESCRIPTOR, never));
}

const GRPC = { ':status': 200, 'content-type': 'application/grpc' };

/** Sends bytes, and at their end what a daemon says of itself. */
function sending(bytes: Buffer, trailers: Record<string, string>): (stream: ServerHttp2Stream) => void {
  return (stream) => {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(bytes);
  };
}

describe('an answer', () => {
  test('is read to its end', async () => {
    const socket = await answering(sending(MESSAGE, { 'grpc-status': '0' }));
    await expect(read(socket)).resolves.toEqual(CONTENT);
  });

  test.each<[string, (stream: ServerHttp2Stream) => void, object]>([
    [
      'of a status alone',
      (stream) =>
        stream.respond(
          { ...GRPC, 'grpc-status': '5', 'grpc-message': 'a%3A not%20found' },
          { endStream: true },
        ),
      { code: 'NOT_FOUND', message: expect.stringMatching(/: a: not found$/) },
    ],
    [
      'with a status at its end',
      sending(MESSAGE, { 'grpc-status': '14', 'grpc-message': 'it stops' }),
      { code: 'INTERRUPTED', retriable: true },
    ],
    [
      'with a message that is written wrongly',
      sending(MESSAGE, { 'grpc-status': '2', 'grpc-message': '100%' }),
      { code: 'REFUSED', message: expect.stringMatching(/: 100%$/) },
    ],
    ['with a status that nobody knows', sending(MESSAGE, { 'grpc-status': 'x' }), { code: 'REFUSED' }],
    ['without a status', sending(MESSAGE, {}), { code: 'INTERRUPTED' }],
    [
      'of another protocol',
      (stream) => stream.respond({ ':status': 404 }, { endStream: true }),
      { code: 'PROTOCOL' },
    ],
    [
      'that is cut within a message',
      sending(MESSAGE.subarray(0, -1), { 'grpc-status': '0' }),
      { code: 'PROTOCOL', message: expect.stringContaining('it ends within a message') },
    ],
    ['that is a page', sending(Buffer.from('<html></html>'), { 'grpc-status': '0' }), { code: 'PROTOCOL' }],
    [
      'that says it was all before it was',
      sending(Buffer.alloc(0), { 'grpc-status': '0' }),
      { code: 'CONTENT_MISMATCH', message: expect.stringContaining('wanted 7 bytes, got 0') },
    ],
    [
      'that is broken off',
      (stream) => {
        stream.respond(GRPC);
        stream.write(MESSAGE.subarray(0, 8), () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
      },
      { code: 'INTERRUPTED' },
    ],
    ['that is refused', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM), { code: 'INTERRUPTED' }],
    ['whose connection ends', (stream) => stream.session?.destroy(), { code: 'INTERRUPTED' }],
    [
      'whose server goes away',
      (stream) => stream.session?.goaway(constants.NGHTTP2_INTERNAL_ERROR),
      { code: 'INTERRUPTED' },
    ],
  ])('%s', async (_, answer, wanted) => {
    await expect(read(await answering(answer))).rejects.toMatchObject({ name: 'ContainerdError', ...wanted });
  });

  test('is asked for as gRPC wants it', async () => {
    const asked = Promise.withResolvers<{ headers: object; body: Promise<Buffer> }>();
    const server = createHttp2Server();
    server.on('stream', (stream, headers) => {
      asked.resolve({ headers, body: buffer(stream) });
      sending(MESSAGE, { 'grpc-status': '0' })(stream);
    });
    server.on('session', (session) => sockets.kept({ close: () => session.destroy() }));
    await read(await sockets.listening(server));
    const { headers, body } = await asked.promise;
    expect(headers).toMatchObject({
      ':method': 'POST',
      ':path': '/containerd.services.content.v1.Content/Read',
      'content-type': 'application/grpc',
      te: 'trailers',
      'containerd-namespace': 'k8s.io',
    });
    const bytes = await body;
    const { requestDeserialize } = (await channelTo(sockets.path('no.sock'))).protocol.definitionOf(
      READ_CONTENT,
    );
    expect(bytes.subarray(0, 5)).toEqual(Buffer.from([0, 0, 0, 0, bytes.length - 5]));
    expect(requestDeserialize(bytes.subarray(5))).toMatchObject({
      digest: DESCRIPTOR.digest,
      size: CONTENT.length,
    });
  });
});

describe('a socket', () => {
  test('that is not there', async () => {
    const socket = sockets.path('no.sock');
    await expect(read(socket)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      retriable: true,
      message: expect.stringContaining(`is containerd running (connect ENOENT ${socket})`),
    });
  });

  test('that nobody listens at any more', async () => {
    const socket = sockets.path('file');
    writeFileSync(socket, '');
    await expect(read(socket)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test.each<[string, () => Server]>([
    ['that hangs up', () => createServer((connection) => connection.destroy())],
    ['that speaks HTTP/1.1', () => createHttpServer((_, response) => response.writeHead(404).end())],
    ['that speaks no protocol', () => createServer((connection) => connection.write('SSH-2.0-x\r\n'))],
  ])('of a server %s', async (_, server) => {
    await expect(read(await sockets.listening(server()))).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});

describe('a connection', () => {
  let daemon: FakeContainerd;
  let store: ContentStore;
  let channel: Channel;

  beforeEach(async () => {
    daemon = sockets.kept(await FakeContainerd.start());
    daemon.namespace().content.set(DESCRIPTOR.digest, CONTENT);
    channel = await channelTo(daemon.socket);
    store = new ContentStore(channel);
  });

  test('is made again after the daemon was restarted', async () => {
    await expect(buffer(store.open(DESCRIPTOR, never))).resolves.toEqual(CONTENT);
    daemon.stop();
    await expect(buffer(store.open(DESCRIPTOR, never))).rejects.toMatchObject({ retriable: true });
    await daemon.start();
    await expect(buffer(store.open(DESCRIPTOR, never))).resolves.toEqual(CONTENT);
  });

  test('carries many readings at once', async () => {
    const readings = Array.from({ length: 100 }, () => buffer(store.open(DESCRIPTOR, never)));
    for (const content of await Promise.all(readings)) expect(content).toEqual(CONTENT);
  });

  test('makes no call for who was told to stop before', async () => {
    const reading = buffer(store.open(DESCRIPTOR, AbortSignal.abort(new Error('enough'))));
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    await expect(buffer(store.open(DESCRIPTOR, never))).resolves.toEqual(CONTENT);
    expect(daemon.count('Content.Read')).toBe(1);
  });

  test('that was closed breaks off what runs, and reads no more', async () => {
    daemon.send = async function* () {
      yield CONTENT.subarray(0, 1);
      channel.close();
      yield CONTENT.subarray(1);
    };
    await expect(buffer(store.open(DESCRIPTOR, never))).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(() => store.open(DESCRIPTOR, never)).toThrow('shut down');
  });

  test('that nobody uses keeps no process alive', async () => {
    const script = `
      import { buffer } from 'node:stream/consumers';
      import { Channel } from '${import.meta.dirname}/channel.ts';
      import { ContentStore } from '${import.meta.dirname}/content-store.ts';
      const store = new ContentStore(await Channel.open({ socket: '${daemon.socket}', namespace: 'k8s.io' }));
      const never = new AbortController().signal;
      console.log(String(await buffer(store.open(${JSON.stringify(DESCRIPTOR)}, never))));`;
    const args = ['--input-type=module', '--no-warnings', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe('content\n');
  });
});
