import { afterEach, expect, test } from 'vitest';
import { answer } from '../test/fakes/answer.ts';
import { type Listener, listen } from '../test/fakes/listener.ts';
import { makeLoopbackCertificate } from '../test/fakes/loopback-certificate.ts';
import { type LoadOptions, load } from './load.ts';

const open: Listener[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(tls?: { readonly key: string; readonly cert: string }): Promise<Listener> {
  const server = await listen(async (incoming) => answer(200, {}, await incoming.body()), {
    ...(tls !== undefined && { tls }),
  });
  open.push(server);
  return server;
}

function optionsFor({ url }: Listener, changes: Partial<LoadOptions> = {}): LoadOptions {
  const body = Buffer.from('question');
  return {
    origin: url,
    path: '/ask',
    body,
    connections: 3,
    durationMs: 60,
    check: () => undefined,
    ...changes,
  };
}

test('every connection is kept and used again, each with one request at a time', async () => {
  const server = await start();
  const result = await load(optionsFor(server));
  const requests = server.requests('POST', /^\/ask/);
  expect(server.connections()).toBe(3);
  expect(requests.length).toBeGreaterThanOrEqual(3);
  expect(requests.every(({ bodyBytes }) => bodyBytes === 'question'.length)).toBe(true);
  expect(result.connections).toBe(3);
  expect(result.p99).toBeGreaterThanOrEqual(result.p50);
  expect(result.perSecond).toBeGreaterThan(0);
});

test('the certificate is checked against the authority that is given', async () => {
  const { ca, cert, key } = await makeLoopbackCertificate();
  const server = await start({ cert, key });
  await expect(load(optionsFor(server))).rejects.toThrow(/certificate/);
  expect((await load(optionsFor(server, { ca }))).perSecond).toBeGreaterThan(0);
});

test('the first answer that is wrong ends it', async () => {
  const server = await start();
  await expect(load(optionsFor(server, { check: refuse }))).rejects.toThrow('200 question');
});

function refuse(status: number, body: string): never {
  throw new Error(`${status} ${body}`);
}
