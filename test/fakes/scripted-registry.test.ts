import { afterEach, expect, test } from 'vitest';
import { digestOf } from '../../src/image/digest.ts';
import { ACCEPTED_MANIFESTS, OCI_MANIFEST } from '../../src/image/media-type.ts';
import { makeImage, makeIndex } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { type AskOptions, ask as askUrl, type Got } from './ask.ts';
import { type RegistryOptions, type ScriptedRegistry, startRegistry } from './scripted-registry.ts';

const running: ScriptedRegistry[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.close()));
});

async function start(options: RegistryOptions = {}): Promise<ScriptedRegistry> {
  const registry = await startRegistry(options);
  running.push(registry);
  return registry;
}

function ask(registry: ScriptedRegistry, line: string, options: AskOptions = {}): Promise<Got> {
  return askUrl(registry.url, line, options);
}

const image = await makeImage({ layers: [{ size: 100, seed: 1 }] });
const [config, layer] = image.blobs.map(({ descriptor }) => descriptor.digest);
const accept = { accept: ACCEPTED_MANIFESTS.join(', ') };

test('a seeded image is served by tag and by digest, byte for byte', async () => {
  const registry = await start({ images: [{ repository: 'a/b', tag: 'v1', image }] });
  const byTag = await ask(registry, 'GET /v2/a/b/manifests/v1', { headers: accept });
  expect(byTag).toMatchObject({ status: 200, body: image.content.bytes });
  expect(byTag.headers).toMatchObject({
    'content-type': OCI_MANIFEST,
    'docker-content-digest': image.content.descriptor.digest,
  });
  const byDigest = await ask(registry, `GET /v2/a/b/manifests/${image.content.descriptor.digest}`);
  expect(byDigest.body).toEqual(image.content.bytes);
  const blob = await ask(registry, `GET /v2/a/b/blobs/${layer}`);
  expect(digestOf(blob.body)).toBe(layer);
});

test('HEAD tells the length and sends nothing', async () => {
  const registry = await start({ images: [{ repository: 'a', tag: 'v1', image }] });
  const head = await ask(registry, 'HEAD /v2/a/manifests/v1');
  expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
  expect(head.headers['content-length']).toBe(String(image.content.bytes.length));
});

test('an image and an index pushed over HTTP are held whole', async () => {
  const registry = await start();
  const index = makeIndex([image, await makeImage({ platform: { os: 'linux', architecture: 'arm64' } })]);
  await pushImage(repositoryAt(registry.url, 'team/app'), index, 'latest');
  expect(registry.tags('team/app')).toEqual(['latest']);
  expect(registry.manifest('team/app', 'latest')).toEqual(index.content.bytes);
  expect(registry.blob('team/app', layer ?? '')).toHaveLength(100);
  expect(registry.openUploads()).toBe(0);
});

test('requests are recorded with status, connection and body length', async () => {
  const registry = await start();
  await pushImage(repositoryAt(registry.url, 'app'), image, 'v1');
  expect(registry.requests().map(({ method, status }) => `${method} ${status}`)).toEqual([
    'POST 202',
    'PUT 201',
    'POST 202',
    'PUT 201',
    'PUT 201',
  ]);
  expect(registry.requests('PUT', /digest=/).at(-1)).toMatchObject({ bodyBytes: 100, status: 201 });
  expect(registry.connections()).toBeGreaterThan(0);
  expect(registry.requests('PUT', /manifests/)[0]?.connection).toBeLessThanOrEqual(registry.connections());
});

test.each([
  ['GET /v2/app/manifests/none', 404, 'MANIFEST_UNKNOWN'],
  [`GET /v2/app/blobs/${digestOf(Buffer.from('none'))}`, 404, 'BLOB_UNKNOWN'],
  ['GET /v2/app/tags/list', 404, 'NAME_UNKNOWN'],
  ['GET /elsewhere', 404, 'NAME_UNKNOWN'],
  ['PUT /v2/app/blobs/uploads/none', 404, 'BLOB_UPLOAD_UNKNOWN'],
])('%s is answered %i %s', async (line, status, code) => {
  const got = await ask(await start(), line);
  expect(got.status).toBe(status);
  expect(JSON.parse(got.body.toString())).toMatchObject({ errors: [{ code }] });
});

test('a manifest is not found when Accept does not name its type, as with docker-registry', async () => {
  const registry = await start({ images: [{ repository: 'a', tag: 'v1', image }] });
  const headers = { accept: 'application/vnd.docker.distribution.manifest.v2+json' };
  expect(await ask(registry, 'GET /v2/a/manifests/v1', { headers })).toMatchObject({ status: 404 });
});

test('a self-mount answers 201 for a blob that is there and opens an upload for one that is not', async () => {
  const registry = await start({ images: [{ repository: 'a', tag: 'v1', image }] });
  const there = await ask(registry, `POST /v2/a/blobs/uploads/?mount=${layer}&from=a`);
  expect(there).toMatchObject({ status: 201, headers: { 'docker-content-digest': layer } });
  const absent = await ask(registry, `POST /v2/b/blobs/uploads/?mount=${layer}&from=b`);
  expect(absent).toMatchObject({ status: 202 });
  expect(registry.openUploads()).toBe(1);
});

test('a mount takes a blob from another repository', async () => {
  const registry = await start({ images: [{ repository: 'a', tag: 'v1', image }] });
  const mounted = await ask(registry, `POST /v2/b/blobs/uploads/?mount=${layer}&from=a`);
  expect(mounted.status).toBe(201);
  expect(registry.blob('b', layer ?? '')).toHaveLength(100);
});

test('the upload Location is good only with its query as it was sent', async () => {
  const registry = await start();
  const begun = await ask(registry, 'POST /v2/a/blobs/uploads/');
  const location = String(begun.headers['location']);
  const stripped = location.replace(/\?.*/, '');
  const digest = digestOf(Buffer.from('x'));
  expect(await ask(registry, `PUT ${stripped}?digest=${digest}`, { body: 'x' })).toMatchObject({
    status: 400,
  });
  expect(await ask(registry, `PUT ${location}&digest=${digest}`, { body: 'x' })).toMatchObject({
    status: 201,
  });
});

test('an upload session is good for one PUT', async () => {
  const registry = await start();
  const location = String((await ask(registry, 'POST /v2/a/blobs/uploads/')).headers['location']);
  const digest = digestOf(Buffer.from('x'));
  const spoiled = await ask(registry, `PUT ${location}&digest=${digest}`, { body: 'y' });
  expect(JSON.parse(spoiled.body.toString())).toMatchObject({ errors: [{ code: 'DIGEST_INVALID' }] });
  expect(await ask(registry, `PUT ${location}&digest=${digest}`, { body: 'x' })).toMatchObject({
    status: 404,
  });
});

test('chunks are taken in order and refused out of order', async () => {
  const registry = await start();
  const location = String((await ask(registry, 'POST /v2/a/blobs/uploads/')).headers['location']);
  const first = await ask(registry, `PATCH ${location}`, { body: 'ab', headers: { 'content-range': '0-1' } });
  expect(first).toMatchObject({ status: 202, headers: { range: '0-1' } });
  const wrong = await ask(registry, `PATCH ${location}`, { body: 'e', headers: { 'content-range': '4-4' } });
  expect(wrong).toMatchObject({ status: 416, headers: { range: '0-1' } });
  expect(await ask(registry, `GET ${location}`)).toMatchObject({ status: 204, headers: { range: '0-1' } });
  const digest = digestOf(Buffer.from('abc'));
  expect(await ask(registry, `PUT ${location}&digest=${digest}`, { body: 'c' })).toMatchObject({
    status: 201,
  });
  expect(registry.blob('a', digest)?.toString()).toBe('abc');
});

test('an upload can be cancelled', async () => {
  const registry = await start();
  const location = String((await ask(registry, 'POST /v2/a/blobs/uploads/')).headers['location']);
  expect(await ask(registry, `DELETE ${location}`)).toMatchObject({ status: 204 });
  expect(registry.openUploads()).toBe(0);
});

test('a part of a blob is served, and a part behind its end refused', async () => {
  const registry = await start();
  const digest = registry.putBlob('a', Buffer.from('abcdef'));
  const path = `GET /v2/a/blobs/${digest}`;
  const part = await ask(registry, path, { headers: { range: 'bytes=2-' } });
  expect(part).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 2-5/6' } });
  expect(part.body.toString()).toBe('cdef');
  expect(await ask(registry, path, { headers: { range: 'bytes=6-' } })).toMatchObject({ status: 416 });
});

test('content can be deleted and dropped', async () => {
  const registry = await start({ images: [{ repository: 'a', tag: 'v1', image }] });
  expect(await ask(registry, 'DELETE /v2/a/manifests/v1')).toMatchObject({ status: 202 });
  const { digest } = image.content.descriptor;
  expect(await ask(registry, `DELETE /v2/a/manifests/${digest}`)).toMatchObject({ status: 202 });
  expect(await ask(registry, `DELETE /v2/a/blobs/${layer}`)).toMatchObject({ status: 202 });
  registry.dropBlob('a', config ?? '');
  expect([registry.manifest('a', digest), registry.blob('a', layer ?? ''), registry.tags('a')]).toEqual([
    undefined,
    undefined,
    [],
  ]);
  expect(registry.blob('a', config ?? '')).toBeUndefined();
});

test('tags are listed a page at a time', async () => {
  const registry = await start();
  for (const tag of ['c', 'a', 'b']) await registry.seed({ repository: 'a', tag, image });
  const page = await ask(registry, 'GET /v2/a/tags/list?n=2');
  expect(JSON.parse(page.body.toString())).toEqual({ name: 'a', tags: ['a', 'b'] });
  expect(page.headers['link']).toBe('</v2/a/tags/list?n=2&last=b>; rel="next"');
  const rest = await ask(registry, 'GET /v2/a/tags/list?n=2&last=b');
  expect(JSON.parse(rest.body.toString())).toEqual({ name: 'a', tags: ['c'] });
});

test('referrers are listed and can be narrowed to one artifact type', async () => {
  const subject = image.content.descriptor;
  const [signature, report] = await Promise.all([
    makeImage({ artifactType: 'text/signature', layers: [], subject }),
    makeImage({ artifactType: 'text/report', layers: [], subject }),
  ]);
  const registry = await start();
  await pushImage(repositoryAt(registry.url, 'a'), image, 'v1');
  for (const artifact of [signature, report]) await pushImage(repositoryAt(registry.url, 'a'), artifact);
  const all = await ask(registry, `GET /v2/a/referrers/${subject.digest}`);
  expect(JSON.parse(all.body.toString()).manifests).toHaveLength(2);
  const one = await ask(registry, `GET /v2/a/referrers/${subject.digest}?artifactType=text/report`);
  expect(one.headers['oci-filters-applied']).toBe('artifactType');
  expect(JSON.parse(one.body.toString()).manifests).toMatchObject([
    { digest: report.content.descriptor.digest, artifactType: 'text/report' },
  ]);
});

async function putManifest(
  registry: ScriptedRegistry,
  identifier: string,
  bytes = image.content.bytes,
): Promise<Got> {
  const headers = { 'content-type': image.content.descriptor.mediaType };
  return ask(registry, `PUT /v2/a/manifests/${identifier}`, { headers, body: bytes });
}

test('a manifest is refused when it is no JSON or has another digest', async () => {
  const registry = await start();
  expect(await putManifest(registry, 'v1', Buffer.from('{'))).toMatchObject({ status: 400 });
  expect(await putManifest(registry, digestOf(Buffer.from('other')))).toMatchObject({ status: 400 });
});

test('a manifest whose parts are missing is refused, unless the trait is off', async () => {
  expect(await putManifest(await start(), 'v1')).toMatchObject({ status: 400 });
  const lenient = await start({ traits: { checksReferences: false } });
  expect(await putManifest(lenient, 'v1')).toMatchObject({ status: 201 });
});

test('a sparse index is refused', async () => {
  const registry = await start({ images: [{ repository: 'a', image }] });
  const index = makeIndex([image, await makeImage({ layers: [{ size: 1, seed: 9 }] })]);
  expect(await putManifest(registry, 'all', index.content.bytes)).toMatchObject({ status: 400 });
});

test('without mounts every mount opens an upload', async () => {
  const registry = await start({
    images: [{ repository: 'a', tag: 'v1', image }],
    traits: { mounts: false },
  });
  const answer = await ask(registry, `POST /v2/a/blobs/uploads/?mount=${layer}&from=a`);
  expect(answer).toMatchObject({ status: 202, headers: { location: expect.stringContaining('_state=') } });
});

test('with single POST a blob needs one request', async () => {
  const registry = await start({ traits: { singlePost: true } });
  const digest = digestOf(Buffer.from('x'));
  const answer = await ask(registry, `POST /v2/a/blobs/uploads/?digest=${digest}`, { body: 'x' });
  expect(answer.status).toBe(201);
  expect(registry.blob('a', digest)?.toString()).toBe('x');
});

test('immutable tags are refused the second time', async () => {
  const registry = await start({
    images: [{ repository: 'a', tag: 'v1', image }],
    traits: { immutableTags: true },
  });
  expect(await putManifest(registry, 'v1')).toMatchObject({ status: 400 });
  expect(await putManifest(registry, 'v2')).toMatchObject({ status: 201 });
});

test('with settling puts a manifest is taken only after so many tries', async () => {
  const registry = await start({ images: [{ repository: 'a', image }], traits: { settlingPuts: 2 } });
  const statuses = [];
  for (let i = 0; i < 3; i += 1) statuses.push((await putManifest(registry, 'v1')).status);
  expect(statuses).toEqual([400, 400, 201]);
});

test('without referrers there is neither the API nor OCI-Subject', async () => {
  const registry = await start({ traits: { referrers: false, checksReferences: false } });
  const artifact = await makeImage({ artifactType: 'text/x', subject: image.content.descriptor });
  const put = await putManifest(registry, 'x', artifact.content.bytes);
  expect(put.headers).not.toHaveProperty('oci-subject');
  expect(await ask(registry, `GET /v2/a/referrers/${image.content.descriptor.digest}`)).toMatchObject({
    status: 404,
  });
});

test('without ranges the whole blob is served', async () => {
  const registry = await start({ traits: { ranges: false } });
  const digest = registry.putBlob('a', Buffer.from('abc'));
  const answer = await ask(registry, `GET /v2/a/blobs/${digest}`, { headers: { range: 'bytes=1-' } });
  expect(answer).toMatchObject({ status: 200, body: Buffer.from('abc') });
});

test('with sha256 only, a blob pushed by sha512 cannot be found by it', async () => {
  const registry = await start({ traits: { sha256Only: true } });
  const digest = digestOf(Buffer.from('x'), 'sha512');
  const location = String((await ask(registry, 'POST /v2/a/blobs/uploads/')).headers['location']);
  const put = await ask(registry, `PUT ${location}&digest=${digest}`, { body: 'x' });
  expect(put).toMatchObject({
    status: 201,
    headers: { 'docker-content-digest': digestOf(Buffer.from('x')) },
  });
  expect(await ask(registry, `HEAD /v2/a/blobs/${digest}`)).toMatchObject({ status: 404 });
});

test('bytes that are no manifest can be seeded as one', async () => {
  const registry = await start();
  registry.putManifest('a', { mediaType: 'text/plain', bytes: Buffer.from('junk') }, 'v1');
  expect(await ask(registry, 'GET /v2/a/manifests/v1')).toMatchObject({ body: Buffer.from('junk') });
});
