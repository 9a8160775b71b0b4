import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AskOptions, ask, type Got } from '../../test/fakes/ask.ts';
import { type RunningRegistry, startEmbedded } from '../../test/fakes/embedded.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import { pushImage, repositoryAt } from '../../test/images/push.ts';
import { digestOf } from '../image/digest.ts';
import { LARGEST_MANIFEST } from '../image/manifest.ts';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../image/media-type.ts';

let registry: RunningRegistry;
const image = await makeImage();
const { digest, mediaType, size } = image.content.descriptor;
const absent = digestOf(Buffer.from('absent'));

beforeAll(async () => {
  registry = await startEmbedded();
  await pushImage(repositoryAt(registry.url, 'team/app'), image, 'v1');
});
afterAll(() => registry.close());

function send(line: string, options?: AskOptions): Promise<Got> {
  return ask(registry.url, line, options);
}

function put(identifier: string, body: Buffer | string, contentType = OCI_MANIFEST): Promise<Got> {
  return send(`PUT /v2/team/app/manifests/${identifier}`, { body, headers: { 'content-type': contentType } });
}

/** Code of the first error of an answer. */
function codeOf({ body }: Got): unknown {
  return JSON.parse(body.toString()).errors[0].code;
}

/** @returns the path of the repository's manifests */
async function pushed(repository: string, made: MadeImage, tag: string): Promise<string> {
  await pushImage(repositoryAt(registry.url, repository), made, tag);
  return `/v2/${repository}/manifests/`;
}

describe('reading', () => {
  test.each([['v1'], [digest], [digest.replace(':', '%3A')]])(
    'a manifest is served by %s as it was pushed',
    async (id) => {
      const got = await send(`GET /v2/team/app/manifests/${id}`);
      expect(got).toMatchObject({ status: 200, body: image.content.bytes });
      expect(got.headers).toMatchObject({
        'content-type': mediaType,
        'content-length': String(size),
        'docker-content-digest': digest,
      });
    },
  );

  test('HEAD has the headers of GET and no body', async () => {
    const [get, head] = [
      await send('GET /v2/team/app/manifests/v1'),
      await send('HEAD /v2/team/app/manifests/v1'),
    ];
    const { date: _, ...headers } = get.headers;
    expect(head).toMatchObject({ status: 200, headers, body: Buffer.alloc(0) });
  });

  test('any Accept gets the manifest: another form would have another digest', async () => {
    const got = await send('GET /v2/team/app/manifests/v1', { headers: { accept: DOCKER_MANIFEST } });
    expect(got).toMatchObject({ status: 200, headers: { 'content-type': OCI_MANIFEST } });
  });

  test.each([
    ['team/app/manifests/v2', 404, 'MANIFEST_UNKNOWN'],
    [`team/app/manifests/${absent}`, 404, 'MANIFEST_UNKNOWN'],
    [`team/app/manifests/${image.blobs[0]?.descriptor.digest}`, 404, 'MANIFEST_UNKNOWN'],
    ['team/other/manifests/v1', 404, 'NAME_UNKNOWN'],
    ['team/manifests/v1', 404, 'NAME_UNKNOWN'],
    ['team/app/manifests/sha256:abc', 400, 'DIGEST_INVALID'],
    ['team/app/manifests/-v1', 404, 'MANIFEST_UNKNOWN'],
    [`team/app/manifests/${'a'.repeat(129)}`, 404, 'MANIFEST_UNKNOWN'],
  ])('%s is answered %i %s', async (path, status, code) => {
    const got = await send(`GET /v2/${path}`);
    expect([got.status, codeOf(got)]).toEqual([status, code]);
    expect(got.headers['content-type']).toBe('application/json');
    expect(await send(`HEAD /v2/${path}`)).toMatchObject({ status, body: Buffer.alloc(0) });
  });
});

describe('writing', () => {
  test('the answer says where the manifest is, and its digest', async () => {
    const got = await put('again', image.content.bytes);
    expect(got).toMatchObject({
      status: 201,
      headers: { location: `/v2/team/app/manifests/${digest}`, 'docker-content-digest': digest },
      body: Buffer.alloc(0),
    });
    expect(await send(`GET ${got.headers.location}`)).toMatchObject({ body: image.content.bytes });
  });

  test('parameters of the Content-Type are cut off', async () => {
    expect(await put('parameters', image.content.bytes, `${OCI_MANIFEST}; charset=utf-8`)).toMatchObject({
      status: 201,
    });
    const got = await send('GET /v2/team/app/manifests/parameters');
    expect(got.headers['content-type']).toBe(OCI_MANIFEST);
  });

  test('an index is taken with its children and refused without, naming those that are missing', async () => {
    const arm = await makeImage({ platform: { os: 'linux', architecture: 'arm64' } });
    const index = makeIndex([image, arm]);
    const refused = await put('all', index.content.bytes, OCI_INDEX);
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.body.toString()).errors).toMatchObject([
      { code: 'MANIFEST_BLOB_UNKNOWN', detail: { digest: arm.content.descriptor.digest } },
    ]);
    await pushImage(repositoryAt(registry.url, 'team/app'), index, 'all');
    const child = await send(`GET /v2/team/app/manifests/${arm.content.descriptor.digest}`);
    expect(child).toMatchObject({ status: 200, body: arm.content.bytes });
  });

  test('every missing blob is an error of its own', async () => {
    const other = await makeImage({ layers: [1, 2].map((seed) => ({ size: 10, seed: seed + 90 })) });
    const refused = await put('missing', other.content.bytes);
    expect(JSON.parse(refused.body.toString()).errors).toMatchObject(
      other.blobs.map(({ descriptor }) => ({
        code: 'MANIFEST_BLOB_UNKNOWN',
        detail: { digest: descriptor.digest },
      })),
    );
  });

  test('a manifest by its sha512 digest is found by it', async () => {
    const long = digestOf(image.content.bytes, 'sha512');
    expect(await put(long, image.content.bytes)).toMatchObject({
      status: 201,
      headers: { 'docker-content-digest': long },
    });
    expect(await send(`GET /v2/team/app/manifests/${long}`)).toMatchObject({ body: image.content.bytes });
  });

  test('a manifest by digest takes tags along as parameters', async () => {
    const got = await put(`${digest}?tag=one&tag=two`, image.content.bytes);
    expect(got).toMatchObject({ status: 201, headers: { 'oci-tag': 'one, two' } });
    expect(await send('HEAD /v2/team/app/manifests/two')).toMatchObject({ status: 200 });
    expect(codeOf(await put(`${digest}?tag=a/b`, image.content.bytes))).toBe('TAG_INVALID');
  });

  const { bytes } = image.content;
  const schema1 = JSON.stringify({ schemaVersion: 1, fsLayers: [] });
  const both = JSON.stringify({ schemaVersion: 2, manifests: [], layers: [] });
  const traversal = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType, size: 1, digest: 'sha256:../../etc' }],
  });
  test.each([
    ['another digest', absent, bytes, OCI_MANIFEST, '400 DIGEST_INVALID'] as const,
    ['a digest that is none', 'sha256:abc', bytes, OCI_MANIFEST, '400 DIGEST_INVALID'] as const,
    [
      'an algorithm nobody knows',
      `md5:${'a'.repeat(32)}`,
      bytes,
      OCI_MANIFEST,
      '400 DIGEST_INVALID',
    ] as const,
    ['a tag that is none', 'a:b', bytes, OCI_MANIFEST, '400 DIGEST_INVALID'] as const,
    ['a tag with a dot first', '.a', bytes, OCI_MANIFEST, '400 TAG_INVALID'] as const,
    ['no JSON', 'bad', '{', OCI_MANIFEST, '400 MANIFEST_INVALID'] as const,
    ['no body', 'bad', '', OCI_MANIFEST, '400 MANIFEST_INVALID'] as const,
    ['null', 'bad', 'null', OCI_MANIFEST, '400 MANIFEST_INVALID'] as const,
    ['another type than it says', 'bad', bytes, DOCKER_MANIFEST, '400 MANIFEST_INVALID'] as const,
    [
      'schema 1',
      'bad',
      schema1,
      'application/vnd.docker.distribution.manifest.v1+json',
      '400 MANIFEST_INVALID',
    ] as const,
    ['index and manifest at once', 'bad', both, OCI_INDEX, '400 MANIFEST_INVALID'] as const,
    ['a digest that is a path', 'bad', traversal, OCI_INDEX, '400 MANIFEST_INVALID'] as const,
    [
      'a body over the limit',
      'bad',
      randomBytes(LARGEST_MANIFEST + 1),
      OCI_MANIFEST,
      '413 SIZE_INVALID',
    ] as const,
  ])('%s is refused', async (...[, identifier, body, contentType, wanted]) => {
    const got = await put(identifier, body, contentType);
    expect(`${got.status} ${String(codeOf(got))}`).toBe(wanted);
    expect((await send('HEAD /v2/team/app/manifests/bad')).status).toBe(404);
  });

  test('a body over the limit that does not say its length is refused all the same', async () => {
    const got = await send('PUT /v2/team/app/manifests/bad', {
      body: Buffer.alloc(LARGEST_MANIFEST + 1, ' '),
      headers: { 'content-type': OCI_MANIFEST, 'transfer-encoding': 'chunked' },
    });
    expect(got.status).toBe(413);
  });

  test('a hundred manifests pushed at once are all there', async () => {
    const repository = repositoryAt(registry.url, 'many');
    await pushImage(repository, image, 'first');
    const images = await Promise.all(
      Array.from({ length: 100 }, (_, at) => makeImage({ annotations: { at: String(at) } })),
    );
    const signal = new AbortController().signal;
    await Promise.all(images.map(({ content }, at) => repository.pushReference(content, `t${at}`, signal)));
    const { tags } = JSON.parse((await send('GET /v2/many/tags/list')).body.toString());
    expect(tags).toHaveLength(101);
  });
});

describe('deleting', () => {
  test('a tag goes alone', async () => {
    const path = await pushed('delete/tag', image, 'v1');
    expect(await send(`DELETE ${path}v1`)).toMatchObject({ status: 202 });
    expect((await send(`HEAD ${path}v1`)).status).toBe(404);
    expect((await send(`HEAD ${path}${digest}`)).status).toBe(200);
    expect((await send(`DELETE ${path}v1`)).status).toBe(404);
  });

  test('a digest takes its tags with it', async () => {
    const path = await pushed('delete/digest', image, 'v1');
    expect(await send(`DELETE ${path}${digest}`)).toMatchObject({ status: 202 });
    expect([(await send(`HEAD ${path}v1`)).status, (await send(`HEAD ${path}${digest}`)).status]).toEqual([
      404, 404,
    ]);
    expect(codeOf(await send(`DELETE ${path}${digest}`))).toBe('MANIFEST_UNKNOWN');
  });

  test('an index leaves its children', async () => {
    const path = await pushed('delete/index', makeIndex([image]), 'all');
    const index = await send(`HEAD ${path}all`);
    expect(await send(`DELETE ${path}${String(index.headers['docker-content-digest'])}`)).toMatchObject({
      status: 202,
    });
    expect((await send(`HEAD ${path}${digest}`)).status).toBe(200);
  });

  test('an unknown repository has nothing to delete', async () => {
    expect(codeOf(await send(`DELETE /v2/nowhere/manifests/${digest}`))).toBe('NAME_UNKNOWN');
  });
});

describe('referrers', () => {
  const subject = image.content.descriptor;

  async function list(repository: string, query = ''): Promise<{ got: Got; manifests: unknown }> {
    const got = await send(`GET /v2/${repository}/referrers/${subject.digest}${query}`);
    return { got, manifests: JSON.parse(got.body.toString()).manifests };
  }

  test('they are listed with type and annotations, whichever came first', async () => {
    const signature = await makeImage({
      artifactType: 'text/x',
      layers: [],
      subject,
      annotations: { by: 'me' },
    });
    const plain = await makeImage({ layers: [], subject });
    const index = makeIndex([], { subject });
    const place = repositoryAt(registry.url, 'referred');
    for (const each of [signature, plain, image, index]) await pushImage(place, each);
    const { got, manifests } = await list('referred');
    expect(got).toMatchObject({ status: 200, headers: { 'content-type': OCI_INDEX } });
    expect(got.headers).not.toHaveProperty('oci-filters-applied');
    expect(manifests).toEqual([
      { ...signature.content.descriptor, artifactType: 'text/x', annotations: { by: 'me' } },
      {
        mediaType,
        digest: plain.content.descriptor.digest,
        size: plain.content.bytes.length,
        artifactType: plain.blobs[0]?.descriptor.mediaType,
      },
      index.content.descriptor,
    ]);
  });

  test('they can be narrowed to one artifact type', async () => {
    for (const artifactType of ['text/a', 'text/b'])
      await pushImage(
        repositoryAt(registry.url, 'narrow'),
        await makeImage({ artifactType, layers: [], subject }),
      );
    const { got, manifests } = await list('narrow', '?artifactType=text%2Fa');
    expect(got.headers['oci-filters-applied']).toBe('artifactType');
    expect(manifests).toEqual([expect.objectContaining({ artifactType: 'text/a' })]);
  });

  test('pushing one is answered with its subject', async () => {
    const artifact = await makeImage({ artifactType: 'text/x', subject });
    const place = repositoryAt(registry.url, 'team/app');
    await pushImage(place, artifact);
    const got = await put('referrer', artifact.content.bytes);
    expect(got.headers['oci-subject']).toBe(subject.digest);
  });

  test('there are none where nothing is known: 404 would say that there is no such API', async () => {
    expect(await list('nowhere')).toMatchObject({ got: { status: 200 }, manifests: [] });
    expect((await send('GET /v2/nowhere/referrers/latest')).status).toBe(400);
  });
});

describe('tags', () => {
  beforeAll(async () => {
    for (const tag of ['b', 'A', 'c', 'a', '_'])
      await pushImage(repositoryAt(registry.url, 'tagged'), image, tag);
  });

  test.each([
    ['', ['A', '_', 'a', 'b', 'c'], undefined],
    ['?n=2', ['A', '_'], '</v2/tagged/tags/list?n=2&last=_>; rel="next"'],
    ['?n=2&last=_', ['a', 'b'], '</v2/tagged/tags/list?n=2&last=b>; rel="next"'],
    ['?n=2&last=b', ['c'], undefined],
    ['?n=5', ['A', '_', 'a', 'b', 'c'], undefined],
    ['?last=a', ['b', 'c'], undefined],
    ['?last=aa', ['b', 'c'], undefined],
    ['?last=zz', [], undefined],
    ['?n=0', [], undefined],
    ['?n=99999999999999999999', ['A', '_', 'a', 'b', 'c'], undefined],
  ])('a list with %j is %j', async (query, tags, link) => {
    const got = await send(`GET /v2/tagged/tags/list${query}`);
    expect(JSON.parse(got.body.toString())).toEqual({ name: 'tagged', tags });
    expect(got.headers['link']).toBe(link);
  });

  test.each(['-1', 'x', '1e3', ''])('a count of %j is refused', async (n) => {
    expect((await send(`GET /v2/tagged/tags/list?n=${n}`)).status).toBe(400);
  });

  test('an unknown repository has no list', async () => {
    expect(codeOf(await send('GET /v2/nowhere/tags/list'))).toBe('NAME_UNKNOWN');
  });
});
