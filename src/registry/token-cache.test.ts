import { afterEach, describe, expect, test, vi } from 'vitest';
import { refusal } from '../../test/fakes/answer.ts';
import { useStage } from '../../test/fakes/stage.ts';
import type { TokenServer } from '../../test/fakes/token-server.ts';
import type { Credential } from './credential.ts';
import { TokenCache } from './token-cache.ts';
import type { TokenRequest } from './token-request.ts';
import { Transport } from './transport.ts';

const stage = useStage();
const opened: Transport[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

const SCOPE = 'repository:app:pull';
const ana = { kind: 'basic', username: 'ana', password: 'a' } as const satisfies Credential;
const ben = { kind: 'basic', username: 'ben', password: 'b' } as const satisfies Credential;
const accounts = [ana, ben];

function open(): TokenCache {
  const transport = new Transport({ mayBeInternal: () => true, connections: 4 });
  opened.push(transport);
  return new TokenCache(transport);
}

function wanting({ realm }: TokenServer, request: Partial<TokenRequest> = {}): TokenRequest {
  const url = new URL(realm);
  return {
    realm: url,
    service: 'fake',
    scopes: [SCOPE],
    credential: undefined,
    home: url.hostname,
    ...request,
  };
}

describe('a token', () => {
  test('is asked for once while it lives', async () => {
    const server = await stage.tokens();
    const cache = open();
    const first = await cache.get(wanting(server));
    const second = await cache.get(wanting(server));
    expect([first.fresh, second]).toEqual([true, { value: first.value, fresh: false }]);
    expect(server.requests()).toHaveLength(1);
  });

  test('is asked for once by all who want it at the same time', async () => {
    const server = await stage.tokens();
    const cache = open();
    const values = await Promise.all(Array.from({ length: 20 }, () => cache.get(wanting(server))));
    expect(new Set(values.map(({ value }) => value)).size).toBe(1);
    expect(server.requests()).toHaveLength(1);
  });

  test('is renewed 10 s before its end, by the time it arrived and not by the time it says', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const server = await stage.tokens({ expiresIn: 300, issuedAt: '2001-01-01T00:00:00Z' });
    const cache = open();
    const { value } = await cache.get(wanting(server));
    vi.advanceTimersByTime(289_000);
    expect((await cache.get(wanting(server))).value).toBe(value);
    vi.advanceTimersByTime(1_000);
    const renewed = await cache.get(wanting(server));
    expect([renewed.value === value, renewed.fresh, server.requests().length]).toEqual([false, true, 2]);
  });

  test('that was refused is renewed once for all, whenever they were refused it', async () => {
    const server = await stage.tokens();
    const cache = open();
    const { value } = await cache.get(wanting(server));
    const renewed = await Promise.all(Array.from({ length: 5 }, () => cache.get(wanting(server), value)));
    const late = await cache.get(wanting(server), value);
    expect(new Set([...renewed, late].map((token) => token.value)).size).toBe(1);
    expect([late.value === value, late.fresh, server.requests().length]).toEqual([false, false, 2]);
  });

  test('that could not be had is asked for again the next time', async () => {
    const server = await stage.tokens({
      faults: [{ path: /token/, times: 1, answer: refusal(503, 'UNAVAILABLE') }],
    });
    const cache = open();
    await expect(cache.get(wanting(server))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await cache.get(wanting(server))).fresh).toBe(true);
  });
});

describe('tokens are told apart', () => {
  test.each<[string, Partial<TokenRequest>, Partial<TokenRequest>]>([
    ['credential', { credential: ana }, { credential: ben }],
    ['credential and none', { credential: ana }, {}],
    ['password', { credential: ana }, { credential: { ...ana, password: 'other' } }],
    ['scopes', {}, { scopes: [SCOPE, 'repository:base:pull'] }],
    ['service', {}, { service: undefined }],
  ])('by %s', async (_name, one, other) => {
    const server = await stage.tokens({ accounts: [...accounts, { ...ana, password: 'other' }] });
    const cache = open();
    const values = [await cache.get(wanting(server, one)), await cache.get(wanting(server, other))];
    expect(new Set(values.map(({ value }) => value)).size).toBe(2);
    expect(server.requests()).toHaveLength(2);
  });

  test('by realm', async () => {
    const cache = open();
    const [one, other] = [await stage.tokens(), await stage.tokens()];
    await Promise.all([cache.get(wanting(one)), cache.get(wanting(other))]);
    expect([one.requests().length, other.requests().length]).toEqual([1, 1]);
  });
});
