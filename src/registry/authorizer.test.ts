import { afterEach, describe, expect, test, vi } from 'vitest';
import { answer, redirect, refusal } from '../../test/fakes/answer.ts';
import type { Auth } from '../../test/fakes/authorization.ts';
import type { ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, type StageClientOptions, useStage } from '../../test/fakes/stage.ts';
import type { TokenServer, TokenServerOptions } from '../../test/fakes/token-server.ts';
import { makeImage } from '../../test/images/image.ts';
import { basicHeader, type Credential } from './credential.ts';
import { Repository } from './repository.ts';
import type { Actions } from './scope.ts';

const stage = useStage();
afterEach(() => vi.useRealTimers());

const image = await makeImage();
const ana = { kind: 'basic', username: 'ana', password: 'a' } as const satisfies Credential;
const ben = { kind: 'basic', username: 'ben', password: 'b' } as const satisfies Credential;
const eve = { kind: 'basic', username: 'eve', password: 'e' } as const satisfies Credential;
const accounts = [ana, ben];

interface Scene {
  readonly registry: ScriptedRegistry;
  readonly tokens: TokenServer;
  readonly repository: (options?: StageClientOptions & { actions?: Actions }) => Repository;
}

async function bearer(server: TokenServerOptions = {}, auth: Partial<Auth> = {}): Promise<Scene> {
  const tokens = await stage.tokens({ accounts, ...server });
  const registry = await stage.registry({
    auth: { bearer: tokens, ...auth },
    images: [{ repository: 'app', tag: 'v1', image }],
  });
  return {
    registry,
    tokens,
    repository: (options = {}) => stage.repository(registry, 'app', { actions: 'pull', ...options }),
  };
}

async function basic(username: string, password: string): Promise<ScriptedRegistry> {
  return stage.registry({
    auth: { basic: { username, password } },
    images: [{ repository: 'app', tag: 'v1', image }],
  });
}

function statuses(registry: ScriptedRegistry): (number | undefined)[] {
  return registry.requests().map(({ status }) => status);
}

describe('a registry that asks for nothing', () => {
  test('is told nothing, and not asked whether it wants something', async () => {
    const registry = await stage.registry({ images: [{ repository: 'app', tag: 'v1', image }] });
    await stage.repository(registry, 'app', { credentials: [ana] }).resolve('v1', never);
    expect(registry.requests().map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/v2/app/manifests/v1', undefined],
    ]);
  });
});

describe('Bearer', () => {
  test('is learned from the first 401; after that each request carries a token', async () => {
    const { registry, tokens, repository } = await bearer();
    const app = repository({ credentials: [ana] });
    await app.resolve('v1', never);
    await app.resolve('v1', never);
    expect(statuses(registry)).toEqual([401, 200, 200]);
    expect(tokens.requests()).toHaveLength(1);
    expect(tokens.grants()).toEqual([['repository:app:pull']]);
  });

  test('asks for push and pull at once where both will be needed', async () => {
    const { tokens, repository } = await bearer();
    await repository({ credentials: [ana], actions: 'pull,push' }).resolve('v1', never);
    expect(tokens.grants()).toEqual([['repository:app:pull,push']]);
  });

  test('is one token for all who want it at the same time', async () => {
    const { tokens, repository } = await bearer();
    const app = repository({ credentials: [ana] });
    await Promise.all(Array.from({ length: 10 }, () => app.resolve('v1', never)));
    expect(tokens.requests()).toHaveLength(1);
  });

  test('a stale token is renewed, once for all', async () => {
    const { registry, tokens, repository } = await bearer();
    const app = repository({ credentials: [ana] });
    await app.resolve('v1', never);
    tokens.expire();
    await Promise.all(Array.from({ length: 5 }, () => app.resolve('v1', never)));
    expect(tokens.requests()).toHaveLength(2);
    expect(statuses(registry).filter((status) => status === 401)).toHaveLength(6);
  });

  test('a token near its end is renewed before it is refused', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { registry, tokens, repository } = await bearer({ expiresIn: 60 });
    const app = repository();
    await app.resolve('v1', never);
    vi.advanceTimersByTime(55_000);
    await app.resolve('v1', never);
    expect([statuses(registry), tokens.requests().length]).toEqual([[401, 200, 200], 2]);
  });

  test('a token is never used for another credential', async () => {
    const { registry, repository } = await bearer();
    let current: Credential = ana;
    const app = repository({ findCredentials: async () => [current] });
    await app.resolve('v1', never);
    current = ben;
    await app.resolve('v1', never);
    const used = registry.requests().map(({ headers }) => headers.authorization);
    expect(new Set(used).size).toBe(3);
  });

  test('a registry token is sent as it is', async () => {
    const { registry, tokens, repository } = await bearer();
    const given = { kind: 'registry-token', token: 'given' } as const;
    await expect(
      repository({ credentials: [given], actions: 'pull,push' }).resolve('v1', never),
    ).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
    expect(registry.requests().map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer given',
    ]);
    expect(tokens.requests()).toEqual([]);
  });
});

describe('Basic', () => {
  test('is sent from the second request on', async () => {
    const registry = await basic('AWS', 'x'.repeat(2000));
    const app = stage.repository(registry, 'app', {
      credentials: [{ kind: 'basic', username: 'AWS', password: 'x'.repeat(2000) }],
    });
    await app.resolve('v1', never);
    await app.resolve('v1', never);
    expect(statuses(registry)).toEqual([401, 200, 200]);
  });

  test('an identity token is a password of the user <token> where nothing else is spoken', async () => {
    const registry = await basic('<token>', 'refresh');
    const app = stage.repository(registry, 'app', {
      credentials: [{ kind: 'identity-token', token: 'refresh' }],
    });
    expect((await app.resolve('v1', never)).digest).toBe(image.content.descriptor.digest);
  });

  test('without a credential is not asked for again', async () => {
    const registry = await basic('ana', 'a');
    await expect(stage.repository(registry, 'app').resolve('v1', never)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
    expect(statuses(registry)).toEqual([401]);
  });
});

describe('several candidates', () => {
  test('are tried in order, and the one that was taken is kept: Basic', async () => {
    const registry = await basic('ben', 'b');
    const app = stage.repository(registry, 'app', { credentials: [eve, ana, ben] });
    await app.resolve('v1', never);
    await app.resolve('v1', never);
    expect(statuses(registry)).toEqual([401, 401, 401, 200, 200]);
  });

  test('are tried in order, and the one that was taken is kept: refused by the token server', async () => {
    const { registry, tokens, repository } = await bearer({ anonymous: false });
    const app = repository({ credentials: [eve, ben], actions: 'pull,push' });
    await app.resolve('v1', never);
    await app.resolve('v1', never);
    expect(statuses(registry)).toEqual([401, 200, 200]);
    expect(tokens.requests().map(({ query }) => query.get('account'))).toEqual(['eve', 'ben']);
  });

  test('are tried in order: known to the token server, and not allowed that much', async () => {
    const { registry, tokens, repository } = await bearer({
      accounts: [{ ...ana, repositories: /^other$/ }, ben],
    });
    await repository({ credentials: [ana, ben] }).resolve('v1', never);
    expect(statuses(registry)).toEqual([401, 401, 200]);
    expect(tokens.requests()).toHaveLength(2);
  });

  test.each(['Basic', 'Bearer'])(
    'none is passed over when several requests are refused at once: %s',
    async (scheme) => {
      const scene = await bearer({ accounts: [ben], anonymous: false });
      const registry = scheme === 'Basic' ? await basic('ben', 'b') : scene.registry;
      const app = stage.repository(registry, 'app', { credentials: [eve, ben, ana] });
      const found = await Promise.all(Array.from({ length: 8 }, () => app.resolve('v1', never)));
      expect(new Set(found.map(({ digest }) => digest))).toEqual(new Set([image.content.descriptor.digest]));
    },
  );

  test('end for reading with nobody: what is public is public for those with a wrong password, too', async () => {
    const { tokens, repository } = await bearer();
    expect((await repository({ credentials: [eve] }).resolve('v1', never)).size).toBe(
      image.content.bytes.length,
    );
    expect(tokens.requests().map(({ query }) => query.get('account'))).toEqual(['eve', null]);
  });

  test('end for writing with the last', async () => {
    const { tokens, repository } = await bearer();
    const app = repository({ credentials: [eve], actions: 'pull,push' });
    await expect(app.resolve('v1', never)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(tokens.requests().map(({ query }) => query.get('account'))).toEqual(['eve']);
  });

  test('a reader who ends as nobody does not cost the writer the credential', async () => {
    const registry = await basic('ana', 'a');
    const client = stage.client({ credentials: [eve, ana] });
    await stage.repository(registry, 'app', { client, actions: 'pull' }).resolve('v1', never);
    await expect(
      stage.repository(registry, 'none', { client, actions: 'pull' }).resolve('v1', never),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await stage.repository(registry, 'app', { client }).resolve('v1', never)).size).toBeGreaterThan(
      0,
    );
  });

  test('a reader who was refused and goes on as nobody leaves the credential to the writer', async () => {
    const { registry, tokens } = await bearer({
      faults: [{ path: /account=ana/, times: 1, answer: refusal(401, 'UNAUTHORIZED') }],
    });
    const client = stage.client({ credentials: [ana] });
    await stage.repository(registry, 'app', { client, actions: 'pull' }).resolve('v1', never);
    await stage.repository(registry, 'app', { client }).resolve('v1', never);
    expect(tokens.requests().map(({ query }) => query.get('account'))).toEqual(['ana', null, 'ana']);
  });

  test('each repository has its own: what one refused serves the other', async () => {
    const tokens = await stage.tokens({
      accounts: [
        { ...ana, repositories: /^app$/ },
        { ...ben, repositories: /^other$/ },
      ],
    });
    const images = ['app', 'other'].map((repository) => ({ repository, tag: 'v1', image }));
    const registry = await stage.registry({ auth: { bearer: tokens }, images });
    const client = stage.client({ credentials: [ana, ben] });
    const [app, other] = ['app', 'other'].map((path) => stage.repository(registry, path, { client }));
    for (const repository of [app, other]) await repository?.resolve('v1', never);
    tokens.expire();
    await app?.resolve('v1', never);
    expect(tokens.requests().map(({ query }) => query.get('account'))).toEqual(['ana', 'ana', 'ben', 'ana']);
  });

  test('the first is tried again after five minutes: registries have bad minutes, too', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { tokens, repository } = await bearer({
      faults: [{ path: /account=ana/, times: 1, answer: refusal(401, 'UNAUTHORIZED') }],
    });
    const app = repository({ credentials: [ana, ben], actions: 'pull,push' });
    await app.resolve('v1', never);
    vi.advanceTimersByTime(5 * 60_000);
    await app.resolve('v1', never);
    expect(tokens.requests().map(({ query }) => query.get('account'))).toEqual(['ana', 'ben', 'ana']);
  });
});

describe('a denial', () => {
  test('with a good token is final: 403 does not loop', async () => {
    const { registry, tokens, repository } = await bearer();
    const app = repository({ credentials: [ana, ben] });
    await app.resolve('v1', never);
    registry.play({ path: /manifests/, answer: refusal(403, 'DENIED') });
    await expect(app.resolve('v1', never)).rejects.toMatchObject({ code: 'DENIED' });
    expect([statuses(registry), tokens.requests().length]).toEqual([[401, 200, 403], 1]);
  });

  test('that says 401 whatever it is given ends after each candidate was tried once', async () => {
    const { registry, tokens, repository } = await bearer();
    registry.play({
      path: /manifests/,
      answer: refusal(401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${tokens.realm}"` }),
    });
    await expect(repository({ credentials: [ana, ben] }).resolve('v1', never)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
    // Nobody, ana, ben, and nobody again with a token.
    expect([statuses(registry), tokens.requests().length]).toEqual([[401, 401, 401, 401], 3]);
  });
});

describe('a challenge', () => {
  test.each<[string, (own: string) => readonly string[]]>([
    ['Bearer and Basic in one header', (own) => [`${own}, Basic realm="fake"`]],
    ['Basic before Bearer', (own) => [`Basic realm="fake", ${own}`]],
    ['in many headers', (own) => ['Negotiate', 'Basic realm="fake"', own]],
    ['Negotiate with a token first', (own) => [`Negotiate YII=, ${own}`]],
    ['in small letters', (own) => [own.replace('Bearer', 'bearer')]],
  ])('%s is understood', async (_name, challenges) => {
    const tokens = await stage.tokens({ accounts });
    const registry = await stage.registry({
      auth: { bearer: tokens, challenges },
      images: [{ repository: 'app', tag: 'v1', image }],
    });
    await stage.repository(registry, 'app', { credentials: [ana] }).resolve('v1', never);
    expect(statuses(registry)).toEqual([401, 200]);
  });

  test('that is missing on the request itself is taken from /v2/', async () => {
    const tokens = await stage.tokens({ accounts });
    const own = `Bearer realm="${tokens.realm}",service="old"`;
    const registry = await stage.listen(({ path, headers }) => {
      if (headers.authorization !== undefined) return answer(404);
      return refusal(401, 'UNAUTHORIZED', path === '/v2/' ? { 'www-authenticate': own } : {});
    });
    await expect(
      stage.repository(registry, 'app', { credentials: [ana] }).resolve('v1', never),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(registry.requests().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'HEAD /v2/app/manifests/v1',
      'GET /v2/',
      'HEAD /v2/app/manifests/v1',
    ]);
    expect(tokens.requests()[0]?.query.get('service')).toBe('old');
  });

  test('is taken from there once, whoever is refused after that', async () => {
    const registry = await stage.listen(({ path, headers }) => {
      if (path === '/v2/') return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="x"' });
      return headers.authorization === basicHeader(ana) ? answer(404) : refusal(401, 'UNAUTHORIZED');
    });
    const credentials = [{ ...ana, password: 'old' }, ana];
    await expect(
      stage.repository(registry, 'app', { credentials }).resolve('v1', never),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(registry.requests().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'HEAD /v2/app/manifests/v1',
      'GET /v2/',
      'HEAD /v2/app/manifests/v1',
      'HEAD /v2/app/manifests/v1',
    ]);
  });

  test('that is missing everywhere leaves the 401', async () => {
    const registry = await stage.listen(() => refusal(401, 'UNAUTHORIZED'));
    await expect(
      stage.repository(registry, 'app', { credentials: [ana] }).resolve('v1', never),
    ).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      status: 401,
    });
    expect(registry.requests()).toHaveLength(2);
  });

  test('with a relative realm leads back to the registry', async () => {
    const registry = await stage.listen(({ path, headers }) => {
      if (path === '/auth/token') return answer(200, {}, '{"token":"t"}');
      if (headers.authorization === 'Bearer t') return answer(404);
      return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': 'Bearer realm="/auth/token"' });
    });
    await expect(stage.repository(registry, 'app').resolve('v1', never)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(registry.requests('GET', /auth\/token\?scope/)).toHaveLength(1);
  });
});

/** A registry in front of another, whose names its tokens need. */
async function proxied(
  needed: readonly string[],
): Promise<{ tokens: TokenServer; registry: Awaited<ReturnType<typeof stage.listen>> }> {
  const tokens = await stage.tokens({ accounts });
  const registry = await stage.listen(({ headers }) => {
    const token = headers.authorization?.slice('Bearer '.length) ?? '';
    const fault = tokens.check(token, needed);
    if (fault === undefined) return answer(404);
    return refusal(401, 'UNAUTHORIZED', {
      'www-authenticate': `Bearer realm="${tokens.realm}",scope="${needed.join(' ')}",error="insufficient_scope"`,
    });
  });
  return { tokens, registry };
}

describe('a scope that the registry knows better', () => {
  test('is added and put first, because some registries look at no other', async () => {
    const { tokens, registry } = await proxied(['repository:remote/app:pull']);
    const app = stage.repository(registry, 'app', { credentials: [ana] });
    await expect(app.resolve('v1', never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(app.resolve('v1', never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(tokens.grants()).toEqual([['repository:remote/app:pull', 'repository:app:pull,push']]);
    expect(registry.requests().map(({ status }) => status)).toEqual([401, 404, 404]);
  });

  test('is no reason to go on for ever when it is another each time', async () => {
    const tokens = await stage.tokens({ accounts });
    let number = 0;
    const registry = await stage.listen(() =>
      refusal(401, 'UNAUTHORIZED', {
        'www-authenticate': `Bearer realm="${tokens.realm}",scope="repository:a${(number += 1)}:pull"`,
      }),
    );
    const app = stage.repository(registry, 'app', { credentials: [ana] });
    await expect(app.resolve('v1', never)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(registry.requests().length).toBeLessThanOrEqual(9);
    expect(Math.max(...tokens.grants().map((scopes) => scopes.length))).toBeLessThanOrEqual(5);
  });
});

describe('a credential goes to its registry and the realm of that', () => {
  test('and not to a realm elsewhere, which hears nothing of it', async () => {
    const { tokens, repository } = await bearer({}, { realm: 'http://localhost:1/token' });
    await expect(repository({ credentials: [ana] }).resolve('v1', never)).rejects.toMatchObject({
      code: 'FORBIDDEN_HOP',
      operation: expect.stringContaining('log in'),
    });
    expect(tokens.requests()).toEqual([]);
  });

  test('a realm elsewhere is asked by those who have nothing to lose', async () => {
    const tokens = await stage.tokens();
    const registry = await stage.registry({
      auth: { bearer: tokens, realm: tokens.realm.replace('127.0.0.1', 'localhost') },
      images: [{ repository: 'app', tag: 'v1', image }],
    });
    expect(
      (await stage.repository(registry, 'app', { actions: 'pull' }).resolve('v1', never)).size,
    ).toBeGreaterThan(0);
  });

  test('and not to another host that a redirect leads to, whatever that asks for', async () => {
    const { tokens } = await bearer();
    const cdn = await stage.listen(() =>
      refusal(401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${tokens.realm}"` }),
    );
    const registry = await stage.listen(() => redirect(307, `${cdn.url}/blob`));
    const app = stage.repository(registry, 'app', { credentials: [ana] });
    await expect(app.resolve('v1', never)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect([registry.requests().length, cdn.requests().length, tokens.requests().length]).toEqual([1, 1, 0]);
  });
});

describe('a token server that fails', () => {
  test.each([
    ['busy', { answer: refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '0' }) }],
    ['broken', { answer: refusal(503, 'UNAVAILABLE') }],
    ['cut off', { cutAfterRequestBytes: 0 }],
  ])('%s is asked again', async (_name, play) => {
    const { tokens, repository } = await bearer({ faults: [{ path: /token/, times: 2, ...play }] });
    expect((await repository().resolve('v1', never)).size).toBeGreaterThan(0);
    expect(tokens.requests()).toHaveLength(3);
  });

  test('by being silent does not hold those who were told to stop', async () => {
    const { promise: hung, resolve } = Promise.withResolvers<void>();
    const { tokens, repository } = await bearer({ faults: [{ path: /token/, wait: hung }] });
    const app = repository();
    const stop = new AbortController();
    const stopped = app.resolve('v1', stop.signal).catch((error: unknown) => error);
    const patient = app.resolve('v1', never);
    await tokens.seen();
    stop.abort();
    expect(await stopped).toMatchObject({ code: 'ABORTED' });
    resolve();
    expect((await patient).size).toBeGreaterThan(0);
    expect(tokens.requests()).toHaveLength(1);
  });
});

describe('an identity', () => {
  test('speaks for itself: not with the credentials of the client, nor with those of another', async () => {
    const { registry, tokens } = await bearer();
    const client = stage.client({ credentials: [eve] });
    const place = { host: registry.host, path: 'app' };
    const [one, other] = [ana, ben].map(
      (credential) =>
        new Repository(client, place, 'pull', { name: credential.username, credentials: [credential] }),
    );
    for (const app of [one, other, one]) await app?.resolve('v1', never);
    const shown = tokens
      .requests()
      .map(({ headers }) => Buffer.from(headers.authorization?.split(' ')[1] ?? '', 'base64').toString());
    expect(shown).toEqual(['ana:a', 'ben:b']);
  });

  test('whose credential is refused keeps nobody else out', async () => {
    const registry = await basic('ana', 'a');
    const client = stage.client();
    const [wrong, right] = [eve, ana].map(
      (credential) =>
        new Repository(client, { host: registry.host, path: 'app' }, 'pull', {
          name: credential.username,
          credentials: [credential],
        }),
    );
    await expect(wrong?.resolve('v1', never)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await expect(right?.resolve('v1', never)).resolves.toBeDefined();
    await expect(wrong?.resolve('v1', never)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });
});
