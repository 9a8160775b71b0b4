import { describe, expect, test } from 'vitest';
import { answer, redirect, refusal } from '../../test/fakes/answer.ts';
import type { Handle, Listener } from '../../test/fakes/listener.ts';
import { never, trustedCertificate, useStage } from '../../test/fakes/stage.ts';
import { makeImage } from '../../test/images/image.ts';
import { makeBlob } from '../../test/images/layer.ts';
import { OCI_INDEX, OCI_LAYER } from '../image/media-type.ts';
import type { Repository } from './repository.ts';

/**
 * A tenant chooses the registry that an image is read from, and the registry chooses where it sends us next. These are
 * its ways of having us speak to the node, to the cluster or to the cloud's metadata service, each at each hop there is.
 */

const stage = useStage();
const image = await makeImage();
const { descriptor, bytes } = image.content;
const blob = makeBlob(Buffer.from('content'), OCI_LAYER);
const ana = { kind: 'basic', username: 'ana', password: 'secret' } as const;

/** Where the operator lets us go: the registry itself, which is on loopback because this is a test. */
function onlyTheRegistry(hostname: string): boolean {
  return hostname === '127.0.0.1';
}

interface Hop {
  /** How the registry sends us on. */
  readonly handle: (target: string) => Handle;
  readonly run: (app: Repository) => Promise<unknown>;
}

const HOPS: Readonly<Record<string, Hop>> = {
  'redirect of a manifest': {
    handle: (target) => () => redirect(307, `${target}/v2/`),
    run: (app) => app.fetchReference('v1', never),
  },
  'redirect of a HEAD': {
    handle: (target) => () => redirect(302, `${target}/v2/`),
    run: (app) => app.resolve('v1', never),
  },
  'redirect of a blob': {
    handle: (target) => () => redirect(307, `${target}/blob`),
    run: (app) => app.fetch(blob.descriptor, never),
  },
  'second redirect of a blob': {
    handle: (target) => (incoming) => redirect(307, incoming.path === '/hop' ? `${target}/blob` : '/hop'),
    run: (app) => app.fetch(blob.descriptor, never),
  },
  'redirect of a blob that is resumed': {
    handle: (target) => (incoming) =>
      incoming.headers.range === undefined ? answer(200, {}, 'content') : redirect(307, `${target}/blob`),
    run: async (app) => (await app.fetch(blob.descriptor, never)).toArray(),
  },
  'token realm': {
    handle: (target) => () =>
      refusal(401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${target}/token"` }),
    run: (app) => app.resolve('v1', never),
  },
  'upload Location': {
    handle: (target) => () => answer(202, { location: `${target}/upload` }),
    run: (app) => app.push(blob.descriptor, async () => blob.open(), never),
  },
  'redirect of an upload': {
    handle: (target) => () => redirect(307, `${target}/upload`),
    run: (app) => app.push(blob.descriptor, async () => blob.open(), never),
  },
  'redirect of a manifest that is pushed': {
    handle: (target) => () => redirect(308, `${target}/v2/`),
    run: (app) => app.pushReference(image.content, 'v1', never),
  },
  'redirect of referrers': {
    handle: (target) => () => redirect(307, `${target}/`),
    run: (app) => app.predecessors(descriptor, never),
  },
  'next page of referrers': {
    handle: (target) => () =>
      answer(
        200,
        { 'content-type': OCI_INDEX, link: `<${target}/>; rel="next"` },
        '{"schemaVersion":2,"manifests":[]}',
      ),
    run: (app) => app.predecessors(descriptor, never),
  },
};

const TARGETS = [
  'http://127.0.0.2',
  'http://127.2',
  'http://2130706434',
  'http://0x7f.2',
  'http://0177.0.0.2',
  'http://localhost',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:7f00:1]',
  'http://[64:ff9b::127.0.0.1]',
  'http://[2002:7f00:1::]',
  'http://0.0.0.0',
  'http://0',
  'http://10.0.0.1',
  'http://169.254.169.254',
  'http://[fe80::1]',
  'http://[fd00:ec2::254]',
  'http://168.63.129.16',
  'http://100.64.0.1',
];

describe.each(Object.entries(HOPS))('a %s', (_name, { handle, run }) => {
  async function lured(target: string): Promise<{ registry: Listener; trap: Listener; error: unknown }> {
    const trap = await stage.listen(() => answer(200, {}, bytes));
    const port = trap.host.slice(trap.host.indexOf(':'));
    const registry = await stage.listen(handle(`${target}${port}`), {
      faults: [{ path: /blobs\/sha256/, nth: 1, cutAfterResponseBytes: 3 }],
    });
    const app = stage.repository(registry, 'app', { mayBeInternal: onlyTheRegistry });
    return { registry, trap, error: await run(app).catch((thrown: unknown) => thrown) };
  }

  test.each(TARGETS)('does not lead to %s', async (target) => {
    const { registry, trap, error } = await lured(target);
    expect(error).toMatchObject({ code: 'FORBIDDEN_HOP', retriable: false });
    expect([registry.requests().length > 0, trap.requests()]).toEqual([true, []]);
  });

  test.each([
    'file:///etc',
    'gopher://127.0.0.1',
    'unix:/var/run/docker.sock',
    'http://',
    'http://a b',
    'data:,',
  ])('does not lead to %s', async (target) => {
    expect((await lured(target)).error).toMatchObject({ code: 'PROTOCOL', retriable: false });
  });
});

describe('a registry with TLS', async () => {
  const tls = await trustedCertificate();

  test.each(Object.entries(HOPS))(
    'does not lead to a server without by a %s',
    async (_name, { handle, run }) => {
      const trap = await stage.listen(() => answer(200, {}, bytes));
      const registry = await stage.listen(handle(trap.url.replace('127.0.0.1', 'localhost')), {
        tls,
        faults: [{ path: /blobs\/sha256/, nth: 1, cutAfterResponseBytes: 3 }],
      });
      const app = stage.repository(registry, 'app', { speaksPlainHttp: () => false });
      await expect(run(app)).rejects.toMatchObject({ code: 'FORBIDDEN_HOP', retriable: false });
      expect([registry.requests().length > 0, trap.requests()]).toEqual([true, []]);
    },
  );
});

describe('an upload that is given back', () => {
  test.each(TARGETS)('is not looked for at %s, where it is said to have gone on', async (target) => {
    const trap = await stage.listen(() => answer(204));
    const elsewhere = `${target}${trap.host.slice(trap.host.indexOf(':'))}/upload`;
    const registry = await stage.listen(({ method }) => {
      if (method === 'POST') return answer(202, { location: '/upload' });
      if (method === 'GET') return answer(204, { location: elsewhere });
      return method === 'PUT' ? refusal(403, 'DENIED') : refusal(416, 'RANGE_INVALID');
    });
    const app = stage.repository(registry, 'app', { mayBeInternal: onlyTheRegistry });
    const pushing = app.push(blob.descriptor, async () => blob.open(), never);
    await expect(pushing).rejects.toMatchObject({ code: 'DENIED' });
    expect([registry.requests('GET', /upload/).length, trap.requests()]).toEqual([1, []]);
  });
});

describe('a registry that is inside itself', () => {
  test.each([
    '127.0.0.1',
    'localhost',
    '0x7f.1',
    '0177.0.0.1',
    '[::ffff:127.0.0.1]',
    '[::1]',
    '0.0.0.0',
    '10.0.0.1',
    '169.254.169.254',
    '[fd00:ec2::254]',
  ])('%s is not spoken to unless the operator says so, by TLS or without', async (hostname) => {
    const trap = await stage.listen(() => answer(200, {}, bytes));
    const host = `${hostname}${trap.host.slice(trap.host.indexOf(':'))}`;
    for (const speaksPlainHttp of [() => true, () => false]) {
      const app = stage.repository({ host }, 'app', { speaksPlainHttp, mayBeInternal: () => false });
      await expect(app.resolve('v1', never)).rejects.toMatchObject({ code: 'FORBIDDEN_HOP' });
    }
    expect([trap.requests(), trap.connections()]).toEqual([[], 0]);
  });
});

describe('credentials', () => {
  test('do not leave for a token realm elsewhere', async () => {
    const thief = await stage.listen(() => answer(200, {}, '{"token":"t"}'));
    const challenge = `Bearer realm="${thief.url.replace('127.0.0.1', 'localhost')}/token"`;
    const registry = await stage.listen(() =>
      refusal(401, 'UNAUTHORIZED', { 'www-authenticate': challenge }),
    );
    const app = stage.repository(registry, 'app', { credentials: [ana] });
    await expect(app.resolve('v1', never)).rejects.toMatchObject({ code: 'FORBIDDEN_HOP' });
    expect(thief.requests()).toEqual([]);
  });

  // A registry that has been told who we are has no more to learn from a realm: that is the test above.
  const others = Object.entries(HOPS).filter(([name]) => name !== 'token realm');

  test.each(others)('do not leave with a %s', async (_name, { handle, run }) => {
    const thief = await stage.listen(() =>
      refusal(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="give"' }),
    );
    const elsewhere = thief.url.replace('127.0.0.1', 'localhost');
    const trick = handle(elsewhere);
    const registry = await stage.listen((incoming) =>
      incoming.headers.authorization === undefined
        ? refusal(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="registry"' })
        : trick(incoming),
    );
    const app = stage.repository(registry, 'app', { credentials: [ana] });
    await run(app).catch(() => undefined);
    expect(registry.requests().some(({ headers }) => headers.authorization !== undefined)).toBe(true);
    expect(thief.requests().filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });
});

describe('a path that leaves its repository', () => {
  test.each([
    '../../../other',
    'a%2f..%2fb',
    'a?b=c',
    'a#b',
    '../'.repeat(21).padEnd(64, 'a'),
    'A'.repeat(64),
    'a'.repeat(63),
    '',
  ])('%s is never asked for by a digest', async (text) => {
    const registry = await stage.listen(() =>
      answer(200, { 'content-type': OCI_INDEX }, indexOf(`sha256:${text}`)),
    );
    const app = stage.repository(registry, 'app');
    await expect(app.fetchReference('v1', never)).rejects.toMatchObject({ code: 'INVALID_MANIFEST' });
    expect(registry.requests()).toHaveLength(1);
  });
});

function indexOf(digest: string): string {
  return JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: descriptor.mediaType, digest, size: 1 }],
  });
}
