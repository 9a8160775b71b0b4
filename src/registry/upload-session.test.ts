import { describe, expect, test } from 'vitest';
import { answer } from '../../test/fakes/answer.ts';
import { relocated } from '../../test/fakes/edit.ts';
import type { ListenerOptions } from '../../test/fakes/listener.ts';
import type { ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, type StageClientOptions, trustedCertificate, useStage } from '../../test/fakes/stage.ts';
import { makeBlob } from '../../test/images/layer.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_LAYER } from '../image/media-type.ts';
import { withDigest } from './upload-session.ts';

const stage = useStage();
const blob = makeBlob(Buffer.from('content'), OCI_LAYER);
const ana = { kind: 'basic', username: 'ana', password: 'a' } as const;

/** A registry whose upload Locations are written anew. */
async function locating(
  location: (own: string, registry: () => ScriptedRegistry) => string,
  options: ListenerOptions = {},
): Promise<ScriptedRegistry> {
  const registry: ScriptedRegistry = await stage.registry({
    ...options,
    faults: [{ method: 'POST', path: /uploads/, edit: relocated((own) => location(own, () => registry)) }],
  });
  return registry;
}

function push(registry: { host: string }, client: StageClientOptions = {}): Promise<string> {
  return stage.repository(registry, 'app', client).push(blob.descriptor, async () => blob.open(), never);
}

describe('the Location of an upload', () => {
  test.each<[string, (own: string, registry: () => ScriptedRegistry) => string]>([
    ['a path', (own) => own],
    ['an address', (own, registry) => `${registry().url}${own}`],
    ['an address without scheme', (own, registry) => `//${registry().host}${own}`],
    ['relative to the POST', (own) => own.replace('/v2/app/blobs/uploads/', '')],
    ['relative, one up', (own) => own.replace('/v2/app/blobs/', '../')],
  ])('may be %s', async (_name, location) => {
    const registry = await locating(location);
    expect(await push(registry)).toBe('pushed');
    expect(registry.blob('app', blob.descriptor.digest)).toEqual(Buffer.from('content'));
  });

  test('keeps its parameters byte for byte, with the digest behind them', async () => {
    const raw: string[] = [];
    const state = '_state=a%2Fb%20c+d%3D%3D&empty=&flag&x=%e4%F6';
    const server = await stage.listen(({ method, query }) => {
      if (method === 'POST') return answer(202, { location: `/session?${state}` });
      raw.push(query.toString());
      return answer(201);
    });
    await push(server);
    const [put] = server.requests('PUT');
    expect(put?.query.get('digest')).toBe(blob.descriptor.digest);
    expect(withDigest(new URL(`http://a/session?${state}`), blob.descriptor).search).toBe(
      `?${state}&digest=${encodeURIComponent(blob.descriptor.digest)}`,
    );
    expect(raw).toHaveLength(1);
  });

  test('is resolved against where the POST ended, after redirects', async () => {
    const server = await stage.listen(({ method, path }) => {
      if (path.startsWith('/v2/')) return answer(307, { location: `/moved${path}` });
      return method === 'POST' ? answer(202, { location: 'session' }) : answer(201);
    });
    expect(await push(server)).toBe('pushed');
    expect(server.requests('PUT')[0]?.path).toBe('/moved/v2/app/blobs/uploads/session');
  });

  test.each([
    ['missing', answer(202), 'without one'],
    ['missing with another status', answer(201), 'got 201 without one'],
    ['no address', answer(202, { location: 'http://[' }), 'no http URL'],
    ['no address of the web', answer(202, { location: 'file:///etc/passwd' }), 'no http URL'],
  ])('%s is an error', async (_name, scripted, message) => {
    const server = await stage.listen(({ query }) => (query.has('mount') ? answer(400) : scripted), {
      faults: [{ method: 'HEAD', path: /./, answer: answer(404) }],
    });
    await expect(push(server)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining(message),
    });
  });

  test('on another host gets the blob and no Authorization', async () => {
    const store = await stage.listen(() => answer(201));
    const registry = await locating((own) => `${store.url}${own}`);
    expect(await push(registry, { credentials: [ana] })).toBe('pushed');
    expect(store.requests().map(({ method, headers }) => [method, headers.authorization])).toEqual([
      ['PUT', undefined],
    ]);
  });

  test('on another host that wants to know who asks is not told', async () => {
    const store = await stage.listen(() => answer(401, { 'www-authenticate': 'Basic realm="x"' }));
    const registry = await stage.registry({
      auth: { basic: ana },
      faults: [{ method: 'POST', path: /uploads/, edit: relocated((own) => `${store.url}${own}`) }],
    });
    await expect(push(registry, { credentials: [ana] })).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(store.requests().filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });
});

describe('behind a proxy that ends TLS', async () => {
  const tls = await trustedCertificate();
  const client = { speaksPlainHttp: () => false };

  test('a Location that says http is meant to say https', async () => {
    const registry = await locating((own, self) => `http://${self().host}${own}`, { tls });
    expect(await push(registry, client)).toBe('pushed');
  });

  test('a Location that knows nothing of the port means the same one', async () => {
    const registry = await locating((own) => `http://127.0.0.1${own}`, { tls });
    expect(await push(registry, client)).toBe('pushed');
  });

  test('a Location with http at another host is refused', async () => {
    const store = await stage.listen(() => answer(201));
    const registry = await locating((own) => `${store.url.replace('127.0.0.1', 'localhost')}${own}`, { tls });
    await expect(push(registry, client)).rejects.toMatchObject({ code: 'FORBIDDEN_HOP' });
    expect(store.requests()).toEqual([]);
  });
});

describe('the digest', () => {
  const digest = digestOf(Buffer.from('content'));
  const encoded = encodeURIComponent(digest);

  test.each([
    ['http://a/x', `http://a/x?digest=${encoded}`],
    ['http://a/x?', `http://a/x?digest=${encoded}`],
    ['http://a/x?_state=a%2Bb', `http://a/x?_state=a%2Bb&digest=${encoded}`],
    [`http://a/x?digest=${encoded}`, `http://a/x?digest=${encoded}`],
    ['http://a:443/x?a=b#fragment', `http://a:443/x?a=b&digest=${encoded}#fragment`],
  ])('joins %s', (session, whole) => {
    expect(withDigest(new URL(session), { digest }).href).toBe(whole);
  });

  test('has its colon encoded', () => {
    expect(withDigest(new URL('http://a/x'), { digest }).search).toContain('sha256%3A');
  });
});
