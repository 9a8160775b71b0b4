import { describe, expect, expectTypeOf, test } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { absentAs, gzippedBody, withHeaders, withoutHeaders } from '../../test/fakes/edit.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { makeImage, makeIndex } from '../../test/images/image.ts';
import type { Target } from '../copy/target.ts';
import { digestOf } from '../image/digest.ts';
import { LARGEST_MANIFEST } from '../image/manifest.ts';
import {
  ACCEPTED_MANIFESTS,
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1_SIGNED,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../image/media-type.ts';
import type { Repository } from './repository.ts';

const stage = useStage();
const image = await makeImage();
const { descriptor, bytes } = image.content;
const index = makeIndex([image]);
const plain = { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size };

interface Scene {
  readonly registry: ScriptedRegistry;
  readonly app: Repository;
}

async function scene(options: RegistryOptions = {}): Promise<Scene> {
  const registry = await stage.registry({ images: [{ repository: 'app', tag: 'v1', image }], ...options });
  return { registry, app: stage.repository(registry, 'app') };
}

function methods(registry: ScriptedRegistry): string[] {
  return registry.requests().map(({ method, status }) => `${method} ${status}`);
}

function padded(size: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(size - bytes.length, ' ')]);
}

test('it fits the port that the copy room has for its target', () => {
  expectTypeOf<Repository>().toExtend<Target>();
});

describe('resolve', () => {
  test.each([
    ['a tag', 'v1'],
    ['a digest', descriptor.digest],
  ])('asks for %s by HEAD alone', async (_name, identifier) => {
    const { registry, app } = await scene();
    expect(await app.resolve(identifier, never)).toEqual(plain);
    expect(methods(registry)).toEqual(['HEAD 200']);
  });

  test('names everything that we can read: a narrower Accept makes registries say 404', async () => {
    const { registry, app } = await scene();
    await app.resolve('v1', never);
    const accepted = registry.requests()[0]?.headers.accept?.split(', ');
    expect(accepted).toEqual(ACCEPTED_MANIFESTS);
    expect(accepted).toEqual(
      expect.arrayContaining([OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST]),
    );
  });

  test.each([
    ['has no digest', withoutHeaders('docker-content-digest')],
    ['has something else for a digest', withHeaders({ 'docker-content-digest': 'md5:123' })],
    ['has no length', (got) => ({ ...got, headers: { ...got.headers, 'transfer-encoding': 'chunked' } })],
    ['has a type of nothing', withHeaders({ 'content-type': 'text/plain' })],
    ['is not supported', (got) => ({ ...got, status: 405 })],
  ] satisfies [string, Parameters<ScriptedRegistry['play']>[0]['edit'] & {}][])(
    'asks for the whole where HEAD %s',
    async (_name, edit) => {
      const { registry, app } = await scene({ faults: [{ method: 'HEAD', path: /./, edit }] });
      expect(await app.resolve('v1', never)).toEqual(plain);
      expect(registry.requests().map(({ method }) => method)).toEqual(['HEAD', 'GET']);
    },
  );

  test('does not believe a HEAD that speaks of another digest than the one it was asked for', async () => {
    const { registry, app } = await scene({
      faults: [
        {
          method: 'HEAD',
          path: /./,
          edit: withHeaders({ 'docker-content-digest': digestOf(Buffer.from('other')) }),
        },
      ],
    });
    expect((await app.resolve(descriptor.digest, never)).digest).toBe(descriptor.digest);
    expect(methods(registry)).toEqual(['HEAD 200', 'GET 200']);
  });

  test('says that what is not there is not there', async () => {
    const { registry, app } = await scene();
    await expect(app.resolve('none', never)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      operation: `read manifest ${registry.host}/app:none`,
    });
    await expect(app.resolve(digestOf(Buffer.from('none')), never)).rejects.toMatchObject({
      operation: expect.stringMatching(/^read manifest [^ ]+@sha256:/),
    });
  });
});

describe('fetchReference', () => {
  test.each([
    ['a tag', 'v1'],
    ['a digest', descriptor.digest],
  ])('reads the bytes of %s as they are', async (_name, identifier) => {
    const { registry, app } = await scene();
    const got = await app.fetchReference(identifier, never);
    expect(got.descriptor).toEqual(plain);
    expect(Buffer.from(got.bytes).equals(bytes)).toBe(true);
    expect(methods(registry)).toEqual(['GET 200']);
  });

  test('keeps white space and the order of members: a digest is that of bytes', async () => {
    const { registry, app } = await scene();
    const spaced = Buffer.from(`${JSON.stringify(JSON.parse(bytes.toString()), null, 2)}\n`);
    registry.putManifest('app', { mediaType: OCI_MANIFEST, bytes: spaced }, 'spaced');
    const got = await app.fetchReference('spaced', never);
    expect([got.descriptor.digest, Buffer.from(got.bytes)]).toEqual([digestOf(spaced), spaced]);
    await app.pushReference(got, 'again', never);
    expect(registry.manifest('app', 'again')).toEqual(spaced);
  });

  test('goes by the bytes and not by a digest header that is wrong', async () => {
    const { app } = await scene({
      faults: [{ path: /./, edit: withHeaders({ 'docker-content-digest': digestOf(Buffer.from('other')) }) }],
    });
    expect((await app.fetchReference('v1', never)).descriptor.digest).toBe(descriptor.digest);
  });

  test('refuses other bytes than the digest asks for', async () => {
    const { app } = await scene({
      faults: [{ path: /./, edit: (got) => ({ ...got, body: Buffer.concat([got.body, Buffer.from(' ')]) }) }],
    });
    await expect(app.fetchReference(descriptor.digest, never)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
    });
  });

  test('reads by sha512 as well', async () => {
    const { registry, app } = await scene();
    const digest = digestOf(bytes, 'sha512');
    registry.putManifest('app', { mediaType: OCI_MANIFEST, bytes }, digest);
    expect((await app.fetchReference(digest, never)).descriptor.digest).toBe(digest);
  });

  test.each([
    ['with parameters', `${OCI_MANIFEST}; charset=utf-8`],
    ['of a registry that says text', 'text/plain'],
    ['of a registry that says JSON', 'application/json'],
  ])('takes the type from the body for a Content-Type %s', async (_name, contentType) => {
    const { app } = await scene({
      faults: [{ path: /./, edit: withHeaders({ 'content-type': contentType }) }],
    });
    expect((await app.fetchReference('v1', never)).descriptor.mediaType).toBe(OCI_MANIFEST);
  });

  test('takes the type from the header for a body that does not name it', async () => {
    const { registry, app } = await scene();
    const bare = Buffer.from(bytes.toString().replace(`"mediaType":"${OCI_MANIFEST}",`, ''));
    registry.putManifest('app', { mediaType: DOCKER_MANIFEST, bytes: bare }, 'bare');
    registry.play({
      path: /bare/,
      edit: withHeaders({ 'content-type': `${DOCKER_MANIFEST}; charset=utf-8` }),
    });
    expect((await app.fetchReference('bare', never)).descriptor.mediaType).toBe(DOCKER_MANIFEST);
  });

  test('reads a manifest of the largest size there may be, and no larger one', async () => {
    const { registry, app } = await scene();
    registry.putManifest('app', { mediaType: OCI_MANIFEST, bytes: padded(LARGEST_MANIFEST) }, 'largest');
    registry.putManifest('app', { mediaType: OCI_MANIFEST, bytes: padded(LARGEST_MANIFEST + 1) }, 'larger');
    expect((await app.fetchReference('largest', never)).descriptor.size).toBe(LARGEST_MANIFEST);
    await expect(app.fetchReference('larger', never)).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  test('says of a schema 1 image that it is one', async () => {
    const { registry, app } = await scene({ traits: { checksAccept: false } });
    registry.putManifest(
      'app',
      { mediaType: DOCKER_SCHEMA1_SIGNED, bytes: Buffer.from('{"schemaVersion":1}') },
      'old',
    );
    await expect(app.fetchReference('old', never)).rejects.toMatchObject({
      code: 'INVALID_MANIFEST',
      message: expect.stringContaining('schema 1 is not supported; push the image again'),
    });
  });

  test('fails on a manifest that was compressed on the way', async () => {
    const { app } = await scene({ faults: [{ path: /./, edit: gzippedBody }] });
    await expect(app.fetchReference(descriptor.digest, never)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
    });
  });

  test('reads again what broke off', async () => {
    const { registry, app } = await scene({
      faults: [{ path: /./, nth: 1, times: 2, cutAfterResponseBytes: 10 }],
    });
    expect((await app.fetchReference('v1', never)).descriptor.digest).toBe(descriptor.digest);
    expect(registry.requests()).toHaveLength(3);
  });
});

describe('exists', () => {
  test('is one HEAD, and believes in nothing but the digest', async () => {
    const { registry, app } = await scene();
    expect(await app.exists(descriptor.digest, never)).toBe(true);
    expect(await app.exists(digestOf(Buffer.from('none')), never)).toBe(false);
    expect(methods(registry)).toEqual(['HEAD 200', 'HEAD 404']);
  });

  test('takes 403 for absent, as Artifactory means it', async () => {
    const { app } = await scene({ faults: [{ path: /./, edit: absentAs(403) }] });
    expect(await app.exists(digestOf(Buffer.from('none')), never)).toBe(false);
  });

  test('does not take 200 without anything for present', async () => {
    const { app } = await scene({
      faults: [{ path: /./, answer: answer(200, { 'content-type': 'text/html' }, '<html>') }],
    });
    await expect(app.exists(digestOf(Buffer.from('none')), never)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
    });
  });

  test.each([
    [401, 'UNAUTHORIZED'],
    [500, 'UNAVAILABLE'],
  ])('does not take %i for absent', async (status, code) => {
    const { app } = await scene({ faults: [{ path: /./, answer: answer(status) }] });
    await expect(app.exists(descriptor.digest, never)).rejects.toMatchObject({ code });
  });
});

/** A registry that has the blobs and not the manifest. */
async function target(options: RegistryOptions = {}): Promise<Scene> {
  const made = await scene({ images: [], ...options });
  for (const blob of image.blobs) await made.app.push(blob.descriptor, async () => blob.open(), never);
  return made;
}

function puts(registry: ScriptedRegistry): string[] {
  return registry
    .requests(undefined, /manifests/)
    .map(({ method, path, status }) => `${method} ${path.split('/').at(-1)?.slice(0, 7)} ${status}`);
}

describe('pushReference', () => {
  test('writes the bytes as they are, under a tag or a digest, with their own type', async () => {
    const { registry, app } = await target();
    await app.pushReference(image.content, 'v1', never);
    await app.pushReference(image.content, descriptor.digest, never);
    expect(registry.manifest('app', 'v1')).toEqual(bytes);
    expect(puts(registry)).toEqual(['PUT v1 201', 'PUT sha256: 201']);
    expect(registry.requests('PUT', /manifests/)[0]?.headers).toMatchObject({
      'content-type': OCI_MANIFEST,
      'content-length': String(bytes.length),
    });
  });

  test('writes a manifest that does not name its type with the type that its source gave it', async () => {
    const bare = Buffer.from(bytes.toString().replace(`"mediaType":"${OCI_MANIFEST}",`, ''));
    const { registry, app } = await target();
    await app.pushReference(
      { descriptor: { mediaType: OCI_MANIFEST, digest: digestOf(bare), size: bare.length }, bytes: bare },
      'v1',
      never,
    );
    expect(registry.manifest('app', 'v1')).toEqual(bare);
    expect(registry.requests('PUT', /manifests/)[0]?.headers['content-type']).toBe(OCI_MANIFEST);
  });

  test.each([200, 201, 202])('takes %i for success when the digest is ours', async (status) => {
    const { registry, app } = await target({
      faults: [{ method: 'PUT', path: /manifests/, edit: (got) => ({ ...got, status }) }],
    });
    await app.pushReference(image.content, 'v1', never);
    expect(puts(registry)).toEqual([`PUT v1 ${status}`]);
  });

  test('looks for it where the answer does not name a digest', async () => {
    const { registry, app } = await target({
      faults: [{ method: 'PUT', path: /manifests/, edit: withoutHeaders('docker-content-digest') }],
    });
    await app.pushReference(image.content, 'v1', never);
    expect(puts(registry)).toEqual(['PUT v1 201', 'HEAD v1 200']);
  });

  test('does not believe a web server that answers 200 to everything', async () => {
    const { app } = await target({ faults: [{ method: 'PUT', path: /manifests/, answer: answer(200) }] });
    await expect(app.pushReference(image.content, 'v1', never)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
      message: expect.stringContaining('does not have it'),
    });
  });

  test('notices that the tag went to something else meanwhile', async () => {
    const { app } = await target({
      faults: [
        {
          method: 'PUT',
          path: /manifests/,
          edit: withHeaders({ 'docker-content-digest': digestOf(Buffer.from('other')) }),
        },
      ],
    });
    await expect(app.pushReference(image.content, 'v1', never)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
    });
  });

  test('pushes what is known by another algorithm under its digest before its tag, and wants it to be found by that', async () => {
    const digest = digestOf(bytes, 'sha512');
    const content = { descriptor: { ...descriptor, digest }, bytes };
    const { registry, app } = await target({
      faults: [
        {
          method: 'PUT',
          path: /manifests/,
          edit: withHeaders({ 'docker-content-digest': descriptor.digest }),
        },
      ],
    });
    await app.pushReference(content, 'v1', never);
    await app.pushReference(content, digest, never);
    const byDigest = ['PUT sha512: 201', 'HEAD sha512: 200'];
    expect(puts(registry)).toEqual([...byDigest, 'PUT v1 201', ...byDigest]);
    registry.play({ method: 'HEAD', path: /sha512/, answer: answer(404) });
    await expect(app.pushReference(content, digest, never)).rejects.toMatchObject({
      code: 'CONTENT_MISMATCH',
    });
  });

  test('takes an immutable tag that has this very image for success', async () => {
    const { registry, app } = await target({ traits: { immutableTags: true } });
    await app.pushReference(image.content, 'v1', never);
    await app.pushReference(image.content, 'v1', never);
    expect(puts(registry)).toEqual(['PUT v1 201', 'PUT v1 400', 'HEAD v1 200']);
  });

  test.each([403, 409, 412])('also where such a tag is refused with %i', async (status) => {
    const { registry, app } = await target({
      faults: [{ method: 'PUT', path: /manifests/, nth: 2, answer: refusal(status, 'X') }],
    });
    await app.pushReference(image.content, 'v1', never);
    await app.pushReference(image.content, 'v1', never);
    expect(puts(registry)).toEqual(['PUT v1 201', `PUT v1 ${status}`, 'HEAD v1 200']);
  });

  test('does not take an immutable tag with another image for success', async () => {
    const { registry, app } = await target({ traits: { immutableTags: true } });
    registry.putManifest(
      'app',
      { mediaType: OCI_MANIFEST, bytes: Buffer.concat([bytes, Buffer.from(' ')]) },
      'v1',
    );
    await expect(app.pushReference(image.content, 'v1', never)).rejects.toMatchObject({
      code: 'REFUSED',
      status: 400,
    });
  });

  test.each([400, 409, 412, 403])('and neither %i for a tag that is not there', async (status) => {
    const { app } = await target({
      faults: [{ method: 'PUT', path: /manifests/, answer: refusal(status, 'X') }],
    });
    await expect(app.pushReference(image.content, 'v1', never)).rejects.toMatchObject({ status });
  });

  test('says that a part is missing', async () => {
    const { registry, app } = await target();
    const [first] = image.blobs;
    registry.dropBlob('app', first?.descriptor.digest ?? '');
    await expect(app.pushReference(image.content, 'v1', never)).rejects.toMatchObject({
      code: 'MISSING_CONTENT',
    });
  });

  test('says that a child is missing: registries refuse a sparse index', async () => {
    const { app } = await scene({ images: [] });
    await expect(app.pushReference(index.content, 'v1', never)).rejects.toMatchObject({
      code: 'MISSING_CONTENT',
    });
  });

  test('says why a registry does not take it, for instance one without a type', async () => {
    const { app } = await target({
      faults: [{ method: 'PUT', path: /manifests/, answer: refusal(400, 'MANIFEST_INVALID') }],
    });
    await expect(app.pushReference(image.content, 'v1', never)).rejects.toMatchObject({
      code: 'INVALID_MANIFEST',
      message: expect.stringContaining('scripted: MANIFEST_INVALID'),
    });
  });

  test.each([
    ['503', { answer: refusal(503, 'UNAVAILABLE') }],
    ['a reset', { cutAfterRequestBytes: 0 }],
    ['a lost answer', { cutAfterResponseBytes: 0 }],
  ])('is tried again after %s: it writes the same thing', async (_name, play) => {
    const { registry, app } = await target({
      faults: [{ method: 'PUT', path: /manifests/, nth: 1, ...play }],
    });
    await app.pushReference(image.content, 'v1', never);
    expect(registry.manifest('app', 'v1')).toEqual(bytes);
  });

  test('without a repository that could be made is a matter of configuration', async () => {
    const { registry, app } = await target({
      faults: [{ method: 'PUT', path: /manifests/, answer: refusal(404, 'NAME_UNKNOWN') }],
    });
    await expect(app.pushReference(image.content, 'v1', never)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      retriable: false,
    });
    expect(puts(registry)).toEqual(['PUT v1 404']);
  });
});
