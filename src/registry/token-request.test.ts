import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { answer, redirect, refusal } from '../../test/fakes/answer.ts';
import type { Incoming } from '../../test/fakes/listener.ts';
import { useStage } from '../../test/fakes/stage.ts';
import type { Credential } from './credential.ts';
import { requestToken, type TokenRequest } from './token-request.ts';
import { Transport } from './transport.ts';

const stage = useStage();
const opened: Transport[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

const ana = { kind: 'basic', username: 'ana', password: 'päss:word' } as const satisfies Credential;
const identity = { kind: 'identity-token', token: 'refresh' } as const satisfies Credential;

function ask(realm: string, request: Partial<TokenRequest> = {}): Promise<{ value: string }> {
  const transport = new Transport({ mayBeInternal: () => true, connections: 1 });
  opened.push(transport);
  const url = new URL(realm);
  const whole = {
    realm: url,
    service: 'fake',
    scopes: ['repository:app:pull'],
    credential: undefined,
    home: url.hostname,
  };
  return requestToken(transport, { ...whole, ...request });
}

describe('by GET', () => {
  test('service and each scope are parameters of their own', async () => {
    const server = await stage.tokens();
    await ask(`${server.realm}?kept=1`, { scopes: ['repository:app:pull,push', 'repository:base:pull'] });
    const [request] = server.requests();
    expect([...(request?.query ?? [])]).toEqual([
      ['kept', '1'],
      ['service', 'fake'],
      ['scope', 'repository:app:pull,push'],
      ['scope', 'repository:base:pull'],
    ]);
    expect(request?.headers.authorization).toBeUndefined();
  });

  test('a service that was not named is not sent', async () => {
    const server = await stage.tokens();
    await ask(server.realm, { service: undefined });
    expect(server.requests()[0]?.query.has('service')).toBe(false);
  });

  test('user name and password go into the header, the name into the query as well', async () => {
    const server = await stage.tokens({ accounts: [ana], anonymous: false });
    await ask(server.realm, { credential: ana });
    const [request] = server.requests();
    expect(request?.query.get('account')).toBe('ana');
    expect(
      Buffer.from(request?.headers.authorization?.slice('Basic '.length) ?? '', 'base64').toString(),
    ).toBe('ana:päss:word');
  });

  test('the answer may call it access_token', async () => {
    const server = await stage.tokens({ field: 'access_token' });
    expect((await ask(server.realm)).value).toMatch(/^[\w-]{36}$/);
  });
});

describe('by POST, with an identity token', () => {
  const accounts = [{ username: 'ana', password: 'a', refreshToken: 'refresh' }];

  test('everything is in the form', async () => {
    const seen: string[] = [];
    const server = await stage.listen(async (incoming: Incoming) => {
      seen.push(`${incoming.method} ${incoming.headers['content-type']}`, (await incoming.body()).toString());
      return answer(200, {}, '{"access_token":"t"}');
    });
    await ask(`${server.url}/token`, {
      credential: identity,
      scopes: ['repository:a:pull', 'repository:b:pull'],
    });
    expect(seen[0]).toBe('POST application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(seen[1]))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
      client_id: 'image-cloner',
      service: 'fake',
      scope: 'repository:a:pull repository:b:pull',
    });
    expect(server.requests()[0]?.headers.authorization).toBeUndefined();
  });

  test('a token is given', async () => {
    const server = await stage.tokens({ accounts, anonymous: false });
    await ask(server.realm, { credential: identity });
    expect(server.requests().map(({ method }) => method)).toEqual(['POST']);
  });

  test.each([400, 401, 404, 405])(
    'a server without that flow says %i, and is asked by GET',
    async (status) => {
      const server = await stage.tokens({
        accounts: [{ username: 'ana', password: 'refresh' }],
        anonymous: false,
        refusesPost: status,
      });
      await ask(server.realm, { credential: { ...identity, username: 'ana' } });
      expect(server.requests().map(({ method }) => method)).toEqual(['POST', 'GET']);
    },
  );

  test('one without a user name is then anonymous', async () => {
    const server = await stage.tokens({ refusesPost: 404 });
    await ask(server.realm, { credential: identity });
    expect(server.requests('GET')[0]?.headers.authorization).toBeUndefined();
  });
});

describe('what goes wrong', () => {
  test.each([
    [401, 'UNAUTHORIZED'],
    [403, 'DENIED'],
    [429, 'RATE_LIMITED'],
    [500, 'UNAVAILABLE'],
    [400, 'REFUSED'],
  ])('%i: %s', async (status, code) => {
    const server = await stage.listen(() => refusal(status, 'X'));
    await expect(ask(`${server.url}/token`)).rejects.toMatchObject({
      code,
      operation: `fetch a token from "${server.host}"`,
    });
  });

  test.each([
    [404, 'UNKNOWN'],
    [404, 'NAME_UNKNOWN'],
    [400, 'MANIFEST_BLOB_UNKNOWN'],
    [400, 'MANIFEST_INVALID'],
  ])('%i %s: a fault of the realm, and no word of what the token was for', async (status, code) => {
    const server = await stage.listen(() => refusal(status, code));
    await expect(ask(`${server.url}/token`)).rejects.toMatchObject({ code: 'PROTOCOL', cause: { status } });
  });

  test('a redirect is not followed: it would take the password along', async () => {
    const other = await stage.tokens();
    const server = await stage.listen(() => redirect(307, other.realm));
    await expect(ask(`${server.url}/token`, { credential: ana })).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(other.requests()).toEqual([]);
  });

  test('an answer without a token', async () => {
    const server = await stage.listen(() => answer(200, {}, '{}'));
    await expect(ask(`${server.url}/token`)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  test('an answer without end', async () => {
    const server = await stage.listen(() => answer(200, {}, `{"token":"${'t'.repeat(300_000)}"}`));
    await expect(ask(`${server.url}/token`)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  test('no server', async () => {
    const server = await stage.tokens();
    await server.close();
    await expect(ask(server.realm)).rejects.toMatchObject({ code: 'UNREACHABLE', retriable: true });
  });

  test('no error repeats a secret', async () => {
    const server = await stage.listen(() => refusal(401, 'UNAUTHORIZED'));
    const fault: unknown = await ask(`${server.url}/token`, { credential: ana }).catch(
      (error: unknown) => error,
    );
    expect(inspect(fault)).not.toMatch(/p.ss:word|YW5h/);
  });
});
