import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Answer, answer } from '../../test/fakes/answer.ts';
import type { Fault } from '../../test/fakes/fault.ts';
import { type Listener, listen } from '../../test/fakes/listener.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { type Call, EngineSocket } from './engine-socket.ts';

const { signal } = new AbortController();
const CALL = { path: '/info', operation: 'ask the daemon', signal };
const forever = new Promise(() => {});

interface Scene {
  readonly socket: EngineSocket;
  readonly server: Listener;
}

/** A daemon that answers everything in the same way. */
async function scene(own: Answer, fault: Partial<Fault> = {}, longestSilenceMs?: number): Promise<Scene> {
  const path = join(await tempFolder(), 'docker.sock');
  const server = await listen(() => own, { socket: path, faults: [{ path: /./, ...fault }] });
  onTestFinished(() => server.close());
  const options = { path, ...(longestSilenceMs !== undefined && { longestSilenceMs }) };
  return { socket: new EngineSocket(options), server };
}

function json(value: unknown): Answer {
  return answer(200, { 'content-type': 'application/json' }, JSON.stringify(value));
}

async function read(socket: EngineSocket, call: Call = CALL): Promise<string> {
  let all = '';
  for await (const chunk of await socket.stream(call)) all += chunk.toString('utf8');
  return all;
}

/** The bytes of a server that speaks no HTTP, or only the beginning of it. */
async function socketThatSays(bytes: string): Promise<EngineSocket> {
  const path = join(await tempFolder(), 'docker.sock');
  const server = createServer((connection) => {
    connection.on('error', () => {});
    connection.end(bytes);
  });
  server.listen(path);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return new EngineSocket({ path });
}

describe('a request', () => {
  test('goes below the version, with its query and without a body', async () => {
    const { socket, server } = await scene(json({}));
    await socket.at('1.41').json({ ...CALL, method: 'POST', path: '/images/a/tag', query: { tag: 'x&y' } });
    const [request] = server.requests();
    expect(request).toMatchObject({ method: 'POST', path: '/v1.41/images/a/tag' });
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ tag: 'x&y' });
    expect(request?.headers).not.toHaveProperty('content-type');
  });

  test('carries a credential in its header alone', async () => {
    const { socket, server } = await scene(json({}));
    await socket.json({ ...CALL, registryAuth: 'e30=' });
    expect(server.requests()).toMatchObject([{ path: '/info', headers: { 'x-registry-auth': 'e30=' } }]);
  });

  test('goes to its socket, whatever the environment says of another daemon', async () => {
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('DOCKER_HOST', 'tcp://127.0.0.1:1');
    vi.stubEnv('DOCKER_TLS_VERIFY', '1');
    const { socket } = await scene(json({ here: true }));
    expect(await socket.json(CALL)).toEqual({ here: true });
  });

  test('loads the library only when there is one', async () => {
    const script = `
      import { createRequire } from 'node:module';
      import { EngineSocket } from '${import.meta.dirname}/engine-socket.ts';
      const { cache } = createRequire('${import.meta.filename}');
      const loaded = () => Object.keys(cache).some((name) => name.includes('docker-modem'));
      const socket = new EngineSocket({ path: '/no/such/socket' });
      const before = loaded();
      await socket.json({ path: '/', operation: 'x', signal: AbortSignal.timeout(60_000) }).catch(() => {});
      console.log(before, loaded());`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
    expect(await text(child.stdout)).toBe('false true\n');
  });
});

describe('an answer', () => {
  test('is JSON, or nothing', async () => {
    expect(await (await scene(json([1, 2]))).socket.json(CALL)).toEqual([1, 2]);
    expect(await (await scene(answer(201))).socket.json(CALL)).toBeUndefined();
    expect(await (await scene(answer(204))).socket.json(CALL)).toBeUndefined();
  });

  test('is a stream of what comes, as it comes', async () => {
    const { promise: until, resolve: release } = Promise.withResolvers<void>();
    const { socket } = await scene(answer(200, {}, 'first second'), { pause: { afterBytes: 5, until } });
    const chunks = (await socket.stream(CALL))[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe('first');
    release();
    expect(String((await chunks.next()).value)).toBe(' second');
    expect((await chunks.next()).done).toBe(true);
  });

  test.each<[string, Answer, object]>([
    ['bad JSON', answer(200, {}, '{"a":'), { code: 'PROTOCOL', message: /wanted JSON/ }],
    ['a page', answer(200, {}, '<html>'), { code: 'PROTOCOL' }],
    ['400', answer(400, {}, '{"message":"bad parameter"}'), { code: 'REFUSED', message: /: bad parameter$/ }],
    ['401', answer(401, {}, '{"message":"unauthorized: who are you"}'), { code: 'UNAUTHORIZED' }],
    ['403', answer(403, {}, '{"message":"authorization denied by plugin"}'), { code: 'REFUSED' }],
    ['404', answer(404, {}, '{"message":"page not found"}'), { code: 'NOT_FOUND', status: 404 }],
    ['409', answer(409, {}, '{"message":"conflict: in use"}'), { code: 'REFUSED' }],
    [
      '500',
      answer(500, {}, '{"message":"disk full"}'),
      { code: 'FAILED', status: 500, message: /: disk full$/ },
    ],
    ['503 without words', answer(503), { code: 'FAILED', message: /: it answered 503$/ }],
    ['words that are no JSON', answer(500, {}, 'oh no\n'), { code: 'FAILED', message: /: oh no$/ }],
    [
      'JSON of another form',
      answer(500, {}, '{"message":7}'),
      { code: 'FAILED', message: /\{"message":7\}$/ },
    ],
    ['304', answer(304), { code: 'PROTOCOL' }],
    ['a very long message', answer(500, {}, 'x'.repeat(60_000)), { message: /^.{1,600}…$/ }],
    ['more words than anybody reads', answer(500, {}, 'x'.repeat(70_000)), { code: 'TOO_LARGE' }],
  ])('%s is an error', async (_what, own, error) => {
    const { socket } = await scene(own);
    await expect(socket.json(CALL)).rejects.toMatchObject({ name: 'DockerError', ...error });
  });

  test('that never ends is given up', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, ' ');
    const own = answer(200, { 'transfer-encoding': 'chunked' }, Buffer.concat(Array(65).fill(megabyte)));
    const { socket } = await scene(own);
    await expect(socket.json(CALL)).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  test.each<[string, Partial<Fault>]>([
    ['before it began', { cutAfterRequestBytes: 0 }],
    ['in the middle', { cutAfterResponseBytes: 3 }],
  ])('cut %s is an error', async (_when, fault) => {
    const { socket } = await scene(json({ a: 1 }), fault);
    const gone = { code: 'INTERRUPTED', retriable: true, message: /the daemon went away/ };
    await expect(socket.json(CALL)).rejects.toMatchObject(gone);
    await expect(read(socket)).rejects.toMatchObject(gone);
  });

  test.each<[string, string, object]>([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', { code: 'PROTOCOL', retriable: false }],
    [
      'in chunks without the last',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
      { code: 'INTERRUPTED' },
    ],
    [
      'in chunks without a size',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      { code: 'INTERRUPTED' },
    ],
  ])('that is %s is an error', async (_what, bytes, error) => {
    await expect(read(await socketThatSays(bytes))).rejects.toMatchObject(error);
  });

  test('of a daemon that says nothing for too long is not waited for', async () => {
    const { socket } = await scene(json({}), { wait: forever }, 20);
    await expect(socket.json(CALL)).rejects.toMatchObject({ code: 'TIMEOUT', retriable: true });
  });

  test('that halts for too long is not waited for', async () => {
    const { socket } = await scene(json({ a: 1 }), { pause: { afterBytes: 2, until: forever } }, 20);
    await expect(read(socket)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test('of a daemon that goes on talking is waited for', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const pauses = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
    const path = join(await tempFolder(), 'docker.sock');
    const server = createHttpServer((_request, response) => {
      response.write('word');
      for (const { promise } of pauses.slice(0, -1)) void promise.then(() => response.write('word'));
    });
    server.listen(path);
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const socket = new EngineSocket({ path, longestSilenceMs: 10_000 });
    const words = (await socket.stream(CALL))[Symbol.asyncIterator]();
    for (const { resolve } of pauses) {
      expect(String((await words.next()).value)).toBe('word');
      vi.advanceTimersByTime(9_000);
      resolve();
    }
    vi.advanceTimersByTime(9_000);
    await expect(words.next()).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test.each<[string, Partial<Fault>]>([
    ['before it began', { wait: forever }],
    ['in the middle', { pause: { afterBytes: 2, until: forever } }],
  ])('is given up when we are told to stop %s', async (_when, fault) => {
    const { socket, server } = await scene(json({ a: 1 }), fault);
    const stopping = new AbortController();
    const reading = read(socket, { ...CALL, signal: stopping.signal });
    const ended = Promise.allSettled([reading]);
    await server.seen();
    stopping.abort();
    expect(await ended).toMatchObject([{ reason: { code: 'ABORTED', retriable: false } }]);
  });

  test('is not waited for when we were told to stop before', async () => {
    const { socket } = await scene(json({}));
    const stopped = { ...CALL, signal: AbortSignal.abort() };
    await expect(socket.json(stopped)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a socket', () => {
  test.each<[string, (path: string) => Promise<unknown>]>([
    ['that is not there', async () => undefined],
    ['that is a file', (path) => writeFile(path, '')],
    ['that is a folder', (path) => mkdir(path)],
    [
      'that nobody listens on any more',
      async (path) => {
        const script = `require('net').createServer().listen('${path}', () => process.kill(process.pid, 'SIGKILL'))`;
        await once(spawn(process.execPath, ['--eval', script]), 'exit');
      },
    ],
  ])('%s is not reachable', async (_what, make) => {
    const path = join(await tempFolder(), 'docker.sock');
    await make(path);
    const socket = new EngineSocket({ path });
    await expect(socket.json(CALL)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      retriable: true,
      operation: 'ask the daemon',
      message: /^Cannot ask the daemon: connect E/,
    });
  });
});
