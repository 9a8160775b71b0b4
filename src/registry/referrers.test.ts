import { describe, expect, test } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import { pushImage } from '../../test/images/push.ts';
import { isRecord } from '../image/descriptor.ts';
import { digestOf } from '../image/digest.ts';
import { DOCKER_INDEX, OCI_INDEX } from '../image/media-type.ts';
import type { RegistryEvent } from './event.ts';
import { fallbackTag } from './referrers.ts';
import type { Repository } from './repository.ts';

const stage = useStage();
const image = await makeImage();
const stranger = await makeImage({ layers: [{ size: 10, seed: 99 }] });
const subject = image.content.descriptor;
const tag = fallbackTag(subject.digest);

function signature(number: number): Promise<MadeImage> {
  return makeImage({
    artifactType: 'application/vnd.example.signature',
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: { number: String(number) },
    layers: [{ size: 10, seed: number }],
  });
}

const signatures = await Promise.all([1, 2, 3, 4, 5].map(signature));
const [one] = signatures;
if (one === undefined) throw new Error('Cannot test: wanted a signature');

interface Scene {
  readonly registry: ScriptedRegistry;
  readonly app: Repository;
}

async function scene(options: RegistryOptions = {}, events: RegistryEvent[] = []): Promise<Scene> {
  const registry = await stage.registry({ images: [{ repository: 'app', tag: 'v1', image }], ...options });
  return { registry, app: stage.repository(registry, 'app', { observe: (event) => events.push(event) }) };
}

const WITHOUT_API = { traits: { referrers: false } };

function indexAt(registry: ScriptedRegistry, name = tag): Record<string, unknown>[] {
  const body: unknown = JSON.parse(registry.manifest('app', name)?.toString() ?? '{}');
  const list: unknown = isRecord(body) ? body['manifests'] : [];
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

describe('a registry that keeps referrers itself', () => {
  test('says so with OCI-Subject, and is asked by the API', async () => {
    const { registry, app } = await scene();
    await pushImage(app, one);
    expect(await app.predecessors(subject, never)).toMatchObject([
      {
        digest: one.content.descriptor.digest,
        artifactType: 'application/vnd.example.signature',
        annotations: { number: '1' },
      },
    ]);
    expect(registry.tags('app')).toEqual(['v1']);
    expect(registry.requests('GET').map(({ path }) => path)).toEqual([`/v2/app/referrers/${subject.digest}`]);
  });

  test('has none for an image that nothing refers to', async () => {
    const { app } = await scene();
    expect(await app.predecessors(subject, never)).toEqual([]);
  });

  test('serves them in pages, which are its own', async () => {
    const pages = [1, 2, 3].map((number) => ({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ ...subject, size: number }],
    }));
    const server = await stage.listen(({ query }) => {
      const page = Number(query.get('page') ?? 0);
      const link: Record<string, string> =
        page < 2 ? { link: `</v2/app/referrers/x?page=${page + 1}>; rel="next"` } : {};
      return answer(200, { 'content-type': OCI_INDEX, ...link }, JSON.stringify(pages[page]));
    });
    const found = await stage.repository(server, 'app').predecessors(subject, never);
    expect(found.map(({ size }) => size)).toEqual([1, 2, 3]);
  });

  test('whose next page is on another host is not followed there', async () => {
    const elsewhere = await stage.listen(() => answer(200));
    const link = `<${elsewhere.url.replace('127.0.0.1', 'localhost')}/>; rel="next"`;
    const page = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
    const server = await stage.listen(() => answer(200, { 'content-type': OCI_INDEX, link }, page));
    await expect(stage.repository(server, 'app').predecessors(subject, never)).rejects.toMatchObject({
      code: 'FORBIDDEN_HOP',
    });
    expect(elsewhere.requests()).toEqual([]);
  });

  test('that never ends its pages is left', async () => {
    const page = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
    const server = await stage.listen(() =>
      answer(200, { 'content-type': OCI_INDEX, link: '</v2/next>; rel=next' }, page),
    );
    await expect(stage.repository(server, 'app').predecessors(subject, never)).rejects.toMatchObject({
      code: 'TOO_LARGE',
    });
    expect(server.requests()).toHaveLength(20);
  });
});

describe('a registry without the API', () => {
  test.each([
    ['404', answer(404)],
    ['405', answer(405)],
    ['its web interface', answer(200, { 'content-type': 'text/html' }, '<html>')],
    ['something that is no index', answer(200, { 'content-type': 'application/json' }, '{"errors":[]}')],
  ])('answers with %s, which is learned', async (_name, scripted) => {
    const { registry, app } = await scene({ faults: [{ path: /referrers/, answer: scripted }] });
    expect(await app.predecessors(subject, never)).toEqual([]);
    expect(await app.predecessors(subject, never)).toEqual([]);
    expect(registry.requests('GET', /referrers/)).toHaveLength(1);
  });

  test('that fails is not taken for one', async () => {
    const { app } = await scene({ faults: [{ path: /referrers/, answer: refusal(403, 'DENIED') }] });
    await expect(app.predecessors(subject, never)).rejects.toMatchObject({ code: 'DENIED' });
  });

  test('lists them under a tag, which is ours to write, with type and annotations', async () => {
    const { registry, app } = await scene(WITHOUT_API);
    await pushImage(app, one);
    expect(indexAt(registry)).toEqual([
      {
        mediaType: one.content.descriptor.mediaType,
        digest: one.content.descriptor.digest,
        size: one.content.descriptor.size,
        artifactType: 'application/vnd.example.signature',
        annotations: { number: '1' },
      },
    ]);
    expect((await app.predecessors(subject, never)).map(({ digest }) => digest)).toEqual([
      one.content.descriptor.digest,
    ]);
  });

  test('loses none of those that are written at the same time', async () => {
    const { registry, app } = await scene(WITHOUT_API);
    const other = stage.repository(registry, 'app');
    await Promise.all(signatures.map((made, position) => pushImage(position % 2 === 0 ? app : other, made)));
    expect(
      indexAt(registry)
        .map(({ digest }) => String(digest))
        .toSorted(),
    ).toEqual(signatures.map(({ content }) => content.descriptor.digest).toSorted());
  });

  test('lists each once', async () => {
    const { registry, app } = await scene(WITHOUT_API);
    await pushImage(app, one);
    await pushImage(app, one);
    expect(indexAt(registry)).toHaveLength(1);
    expect(registry.requests('PUT', new RegExp(tag))).toHaveLength(1);
  });

  test('keeps what others have put into the list, as they put it', async () => {
    const { registry, app } = await scene(WITHOUT_API);
    const theirs = { mediaType: OCI_INDEX, digest: digestOf(Buffer.from('theirs')), size: 7, 'x-own': true };
    const platform = { os: 'linux', architecture: 'amd64' };
    const entries = [theirs, { ...theirs, platform }];
    const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries, annotations: { a: 'b' } };
    registry.putManifest('app', { mediaType: OCI_INDEX, bytes: Buffer.from(JSON.stringify(list)) }, tag);
    registry.putManifest('app', { mediaType: OCI_INDEX, bytes: Buffer.from('theirs') });
    await pushImage(app, one);
    expect(indexAt(registry).slice(0, -1)).toEqual(entries);
    expect(JSON.parse(registry.manifest('app', tag)?.toString() ?? '')).toMatchObject({
      annotations: { a: 'b' },
    });
  });

  test('that could not write one update writes the next', async () => {
    const { registry, app } = await scene({
      ...WITHOUT_API,
      faults: [{ method: 'PUT', path: new RegExp(tag), nth: 1, answer: refusal(403, 'DENIED') }],
    });
    await expect(pushImage(app, one)).rejects.toMatchObject({ code: 'DENIED' });
    await pushImage(app, one);
    expect(indexAt(registry)).toHaveLength(1);
  });
});

describe('the fallback tag', () => {
  test.each(['sha256', 'sha512'] as const)(
    'is made of algorithm and digest, as far as a tag goes: %s',
    (algorithm) => {
      const digest = digestOf(Buffer.from('x'), algorithm);
      expect(fallbackTag(digest)).toBe(digest.replace(':', '-').slice(0, 'sha256-'.length + 64));
    },
  );

  const index = makeIndex([image]);
  const docker = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_INDEX, manifests: [] }));
  const others: [string, string, Uint8Array][] = [
    ['the image itself, as GitLab has it', subject.mediaType, image.content.bytes],
    ['another image', stranger.content.descriptor.mediaType, stranger.content.bytes],
    ["Docker's kind of index", DOCKER_INDEX, docker],
    ['nonsense', OCI_INDEX, Buffer.from('nonsense')],
    ['a list of JSON', OCI_INDEX, Buffer.from('[]')],
  ];

  test.each(others)('that is %s lists nothing', async (_name, mediaType, bytes) => {
    const { registry, app } = await scene(WITHOUT_API);
    registry.putManifest('app', { mediaType, bytes: Buffer.from(bytes) }, tag);
    expect(await app.predecessors(subject, never)).toEqual([]);
  });

  test.each([...others, ['an image of several platforms', OCI_INDEX, index.content.bytes] as const])(
    'that is %s stays so, and it is told what is listed nowhere',
    async (_name, mediaType, bytes) => {
      const events: RegistryEvent[] = [];
      const { registry, app } = await scene(WITHOUT_API, events);
      registry.putManifest('app', { mediaType, bytes: Buffer.from(bytes) }, tag);
      await pushImage(app, one);
      const { digest } = one.content.descriptor;
      expect(registry.manifest('app', digest)).toEqual(one.content.bytes);
      expect(registry.manifest('app', tag)).toEqual(Buffer.from(bytes));
      expect(events).toEqual([{ type: 'unlisted', host: registry.host, path: 'app', tag, digest }]);
    },
  );

  test('that answers with the index itself lists nothing, and stays so', async () => {
    const events: RegistryEvent[] = [];
    const { registry, app } = await scene(WITHOUT_API, events);
    const { descriptor, bytes } = makeIndex([image]).content;
    const own = fallbackTag(descriptor.digest);
    registry.putManifest('app', { mediaType: OCI_INDEX, bytes }, own);
    expect(await app.predecessors(descriptor, never)).toEqual([]);
    await pushImage(
      app,
      await makeImage({ artifactType: 'application/vnd.example.sbom', subject: descriptor }),
    );
    expect([registry.manifest('app', own), events.map(({ type }) => type)]).toEqual([bytes, ['unlisted']]);
  });

  test('that lists nothing yet is written to', async () => {
    const events: RegistryEvent[] = [];
    const { registry, app } = await scene(WITHOUT_API, events);
    const empty = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }));
    registry.putManifest('app', { mediaType: OCI_INDEX, bytes: empty }, tag);
    await pushImage(app, one);
    expect([indexAt(registry).length, events]).toEqual([1, []]);
  });

  test('that cannot be read is not overwritten', async () => {
    const { registry, app } = await scene({
      ...WITHOUT_API,
      faults: [{ method: 'GET', path: new RegExp(tag), answer: refusal(403, 'DENIED') }],
    });
    await expect(pushImage(app, one)).rejects.toMatchObject({ code: 'DENIED' });
    expect(registry.requests('PUT', new RegExp(tag))).toEqual([]);
  });
});
