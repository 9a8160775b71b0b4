import { describe, expect, test } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { type CopierStageOptions, copierOn, taskBetween } from '../../test/fakes/copying.ts';
import { absentAs, withHeaders } from '../../test/fakes/edit.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { digestTagOf } from '../image/reference.ts';
import type { Copier } from './copier.ts';
import type { CopyEvent } from './event.ts';
import type { Outcome } from './outcome.ts';

const stage = useStage();

const image = await makeImage();
const newer = await makeImage({ layers: [{ size: 500, seed: 2 }] });
const arm = await makeImage({ platform: { os: 'linux', architecture: 'arm64' } });
const index = makeIndex([image, arm]);
const [digest, newerDigest, indexDigest] = [image, newer, index].map(
  ({ content }) => content.descriptor.digest,
);
if (digest === undefined || newerDigest === undefined || indexDigest === undefined)
  throw new Error('Cannot test: wanted digests');

const BACKUP = 'backup/app';

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly events: CopyEvent[];
  readonly copier: Copier;
  /** Copies `app` as it is asked for. Default: by the tag v1. */
  readonly run: (name?: { tag?: string; digest?: Digest }) => Promise<Outcome>;
}

interface SceneOptions extends CopierStageOptions {
  readonly has?: MadeImage | undefined;
  readonly kept?: MadeImage;
  readonly source?: RegistryOptions;
  readonly target?: RegistryOptions;
}

/** `has` is v1 at the source, `kept` in the backup. */
async function scene({
  has = image,
  kept,
  source = {},
  target = {},
  ...options
}: SceneOptions = {}): Promise<Scene> {
  const from = await stage.registry({ images: [{ repository: 'app', tag: 'v1', image: has }], ...source });
  const to = await stage.registry({
    ...(kept !== undefined && { images: [{ repository: BACKUP, tag: 'v1', image: kept }] }),
    ...target,
  });
  const events: CopyEvent[] = [];
  const copier = copierOn(stage, { observe: (event) => events.push(event), ...options });
  return {
    source: from,
    target: to,
    events,
    copier,
    run: (name = { tag: 'v1' }) => copier.ensure(taskBetween(from, to, { path: 'app', ...name }), never),
  };
}

function requests(registry: ScriptedRegistry): string[] {
  return registry
    .requests(undefined, /manifests/)
    .map(({ method, path }) => `${method} ${path.split('/').at(-1)}`);
}

function kinds(events: readonly CopyEvent[]): string[] {
  return events.map(({ type }) => type).filter((type) => type !== 'blob-done' && type !== 'manifest-pushed');
}

describe('a copy of a tag', () => {
  test('that is not there is made', async () => {
    const { target, events, run } = await scene();
    const bytes = image.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(await run()).toEqual({ state: 'copied', digest, bytes });
    expect(target.manifest(BACKUP, 'v1')).toEqual(image.content.bytes);
    expect(events.map(({ type }) => type)).toEqual([
      'started',
      'blob-done',
      'blob-done',
      'manifest-pushed',
      'finished',
    ]);
  });

  test('that is there and the same is present', async () => {
    const { events, run } = await scene({ kept: image });
    expect(await run()).toEqual({ state: 'present', digest });
    expect(events).toEqual([]);
  });

  test('is compared by its digest alone: registries give other lengths for HEAD than for GET', async () => {
    const { source, run } = await scene({
      kept: image,
      target: {
        images: [{ repository: BACKUP, tag: 'v1', image }],
        faults: [{ method: 'HEAD', path: /./, edit: withHeaders({ 'content-length': '7' }) }],
      },
    });
    expect(await run()).toEqual({ state: 'present', digest });
    expect(source.requests()).toHaveLength(1);
  });

  test('that has moved at its source moves, and the earlier one stays under a tag of its own', async () => {
    const { target, run } = await scene({ has: newer, kept: image });
    expect(await run()).toMatchObject({ state: 'copied', digest: newerDigest });
    expect(target.manifest(BACKUP, 'v1')).toEqual(newer.content.bytes);
    expect(target.manifest(BACKUP, digestTagOf(digest))).toEqual(image.content.bytes);
    const put = target.requests('PUT', /manifests/).map(({ path }) => path.split('/').at(-1));
    expect(put).toEqual([digestTagOf(digest), 'v1']);
  });

  test('is fetched by the digest that the tag stood for: a tag that moves meanwhile mixes nothing', async () => {
    const { source, target, run } = await scene({ has: index, counting: true });
    source.play({ method: 'GET', path: /manifests\/v1/, answer: refusal(404, 'MANIFEST_UNKNOWN') });
    expect(await run()).toMatchObject({ state: 'copied', digest: indexDigest });
    expect(target.manifest(BACKUP, 'v1')).toEqual(index.content.bytes);
    expect(requests(source)).toEqual([
      'HEAD v1',
      `GET ${indexDigest}`,
      ...[image, arm].map(({ content }) => `GET ${content.descriptor.digest}`),
    ]);
  });

  test('is not asked for by 403 where that stands for absent', async () => {
    const { run } = await scene({
      target: { faults: [{ method: 'HEAD', path: /manifests/, edit: absentAs(403) }] },
    });
    expect(await run()).toMatchObject({ state: 'copied' });
  });
});

describe('a source that is gone', () => {
  test.each([
    ['404', { path: /./, answer: refusal(404, 'MANIFEST_UNKNOWN') }],
    ['403', { path: /./, answer: refusal(403, 'DENIED') }],
    ['500', { path: /./, answer: answer(500) }],
    ['a reset', { path: /./, cutAfterRequestBytes: 0 }],
    ['429 for an hour', { path: /./, answer: refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '3600' }) }],
    ['another image', { path: /./, answer: answer(200, {}, 'nonsense') }],
  ])('with %s costs nothing where the copy is there', async (_name, fault) => {
    const { events, run } = await scene({ kept: image, source: { faults: [fault] } });
    expect(await run()).toEqual({ state: 'present', digest });
    expect(events).toMatchObject([{ type: 'source-unavailable', error: { side: 'source' } }]);
  });

  test.each([
    ['and says so now', []],
    ['and said so to somebody before', ['other']],
  ])('by counting us out is not waited for, however long it may be: %s', async (_when, before) => {
    const refused = refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '50' });
    const { source, target, copier, events } = await scene({
      kept: image,
      sourceCheckMs: 3_600_000,
      source: { faults: [{ path: /manifests/, answer: refused }] },
    });
    const stop = new AbortController();
    const others = before.map((tag) =>
      copier.ensure(taskBetween(source, target, { path: 'app', tag }), stop.signal),
    );
    await Promise.all(before.map((tag) => source.seen('GET', new RegExp(tag))));
    const tag = 'v1';
    expect(await copier.ensure(taskBetween(source, target, { path: 'app', tag }), never)).toEqual({
      state: 'present',
      digest,
    });
    expect(events).toMatchObject([{ type: 'source-unavailable', error: { code: 'RATE_LIMITED' } }]);
    stop.abort();
    await Promise.all(others);
    await copier.stop();
  });

  test('by counting us out is not asked again for a copy that is used', async () => {
    const refused = refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '1' });
    const { source, target, copier, run } = await scene({
      kept: image,
      source: { faults: [{ path: /manifests/, nth: 1, answer: refused }] },
    });
    expect((await run()).state).toBe('present');
    // It waits for the end of the pause behind whoever would wait since the first.
    const absent = taskBetween(source, target, { path: 'app', tag: 'absent' });
    expect((await copier.ensure(absent, never)).state).toBe('failed');
    expect(requests(source)).toEqual(['GET v1', 'GET absent']);
  });

  test('by being silent is waited for no longer than it is told', async () => {
    const hung = new Promise(() => undefined);
    const { events, run } = await scene({
      kept: image,
      sourceCheckMs: 1,
      source: { faults: [{ path: /./, wait: hung }] },
    });
    expect(await run()).toEqual({ state: 'present', digest });
    expect(kinds(events)).toEqual(['source-unavailable']);
  });

  test('fails the copy where there is none', async () => {
    const { events, run } = await scene({
      source: { faults: [{ path: /./, answer: refusal(404, 'MANIFEST_UNKNOWN') }] },
    });
    expect(await run()).toMatchObject({
      state: 'failed',
      error: { side: 'source', code: 'NOT_FOUND', operation: 'read manifest' },
    });
    expect(kinds(events)).toEqual(['failed']);
  });

  test('in the middle of a newer image leaves the earlier one in its place', async () => {
    const { target, events, run } = await scene({
      has: newer,
      kept: image,
      source: { faults: [{ path: /blobs/, answer: refusal(404, 'BLOB_UNKNOWN') }] },
    });
    expect(await run()).toEqual({ state: 'present', digest });
    expect(target.manifest(BACKUP, 'v1')).toEqual(image.content.bytes);
    expect(kinds(events)).toEqual(['started', 'refresh-failed']);
  });
});

describe('a tag that has moved at its source', () => {
  test('is kept without a question at the source, once there is a copy', async () => {
    const { source, target, events, run } = await scene({ has: newer, kept: image, moved: 'keep' });
    expect(await run()).toEqual({ state: 'present', digest });
    expect([source.requests(), requests(target), events]).toEqual([[], ['HEAD v1'], []]);
  });

  test.each(['keep', 'warn'] as const)('is copied where there is no copy yet, with %s', async (moved) => {
    const { target, run } = await scene({ moved });
    expect(await run()).toMatchObject({ state: 'copied', digest });
    expect(target.manifest(BACKUP, 'v1')).toEqual(image.content.bytes);
  });

  test('is told of with warn, and nothing is written', async () => {
    const { target, events, run } = await scene({ has: newer, kept: image, moved: 'warn' });
    expect(await run()).toEqual({ state: 'present', digest, moved: newerDigest });
    expect(events).toMatchObject([{ type: 'moved', digest: newerDigest }]);
    expect(target.requests().every(({ method }) => method === 'HEAD')).toBe(true);
  });

  test('and one that has not is not told of with warn', async () => {
    const { events, run } = await scene({ kept: image, moved: 'warn' });
    expect([await run(), events]).toEqual([{ state: 'present', digest }, []]);
  });

  test('is told of by the part that is copied: another platform of the index is another matter', async () => {
    const platforms = [{ os: 'linux', architecture: 'amd64' }];
    const { run } = await scene({ has: index, kept: image, moved: 'warn', platforms });
    expect(await run()).toEqual({ state: 'present', digest });
  });

  test('takes nothing from a workload that uses the earlier digest, however often it moves', async () => {
    const { source, target, run } = await scene({ has: image });
    await run();
    for (const moved of [newer, arm, image]) {
      await source.seed({ repository: 'app', tag: 'v1', image: moved });
      expect(await run()).toMatchObject({ digest: moved.content.descriptor.digest });
    }
    for (const kept of [image, newer, arm])
      expect(target.manifest(BACKUP, digestTagOf(kept.content.descriptor.digest))).toEqual(
        kept.content.bytes,
      );
  });
});

describe('a target', () => {
  test('whose tags are immutable keeps the earlier image, and it is told', async () => {
    const { target, events, run } = await scene({
      has: newer,
      kept: image,
      target: { traits: { immutableTags: true }, images: [{ repository: BACKUP, tag: 'v1', image }] },
    });
    expect(await run()).toEqual({ state: 'present', digest });
    expect(target.manifest(BACKUP, 'v1')).toEqual(image.content.bytes);
    expect(events.at(-1)).toMatchObject({
      type: 'refresh-failed',
      error: { side: 'target', code: 'REFUSED' },
    });
  });

  test('that got the same tag from somebody else meanwhile has what is wanted', async () => {
    const { target, run } = await scene({
      target: {
        traits: { immutableTags: true },
        faults: [{ method: 'HEAD', path: /manifests\/v1/, nth: 1, answer: refusal(404, 'MANIFEST_UNKNOWN') }],
      },
    });
    await target.seed({ repository: BACKUP, tag: 'v1', image });
    expect(await run()).toMatchObject({ state: 'copied', digest });
  });

  test('that cannot be asked fails the copy, and says so', async () => {
    const { run } = await scene({ target: { faults: [{ path: /./, answer: answer(503) }] } });
    expect(await run()).toMatchObject({
      state: 'failed',
      error: { side: 'target', code: 'UNAVAILABLE', operation: 'look for the copy' },
    });
  });

  test('that cannot keep the earlier image is not given the newer one', async () => {
    const { target, events, run } = await scene({
      has: newer,
      kept: image,
      target: {
        images: [{ repository: BACKUP, tag: 'v1', image }],
        faults: [{ method: 'PUT', path: /digest-/, answer: refusal(403, 'DENIED') }],
      },
    });
    expect(await run()).toEqual({ state: 'present', digest });
    expect(target.manifest(BACKUP, 'v1')).toEqual(image.content.bytes);
    expect(events).toMatchObject([{ type: 'refresh-failed', error: { operation: 'keep the earlier copy' } }]);
  });
});

describe('a source given by digest', () => {
  test('that is there is not even asked', async () => {
    const { source, target, run } = await scene({
      target: { images: [{ repository: BACKUP, tag: digestTagOf(digest), image }] },
    });
    expect(await run({ digest })).toEqual({ state: 'present', digest });
    expect([source.requests().length, requests(target)]).toEqual([0, [`HEAD ${digestTagOf(digest)}`]]);
  });

  test('alone gets a tag made of it, so that no registry collects it', async () => {
    const { target, run } = await scene();
    expect(await run({ digest })).toMatchObject({ state: 'copied', digest });
    expect(target.tags(BACKUP)).toEqual([digestTagOf(digest)]);
  });

  test('with a tag is pulled by the digest: the tag informs', async () => {
    const { source, target, run } = await scene({ has: newer });
    await source.seed({ repository: 'app', image });
    expect(await run({ tag: 'v1', digest })).toMatchObject({ state: 'copied', digest });
    expect(target.manifest(BACKUP, 'v1')).toEqual(image.content.bytes);
    expect(requests(source)).toEqual([`GET ${digest}`]);
  });

  test('whose tag the backup has given to another image leaves it with that, and is kept under its own', async () => {
    const { source, target, run } = await scene({ kept: newer });
    expect(await run({ tag: 'v1', digest })).toMatchObject({ state: 'copied', digest });
    expect(target.manifest(BACKUP, 'v1')).toEqual(newer.content.bytes);
    expect(target.manifest(BACKUP, digestTagOf(digest))).toEqual(image.content.bytes);
    const before = source.requests().length;
    expect(await run({ tag: 'v1', digest })).toEqual({ state: 'present', digest });
    expect(source.requests()).toHaveLength(before);
  });

  test('by sha512 is copied and found again', async () => {
    const long = digestOf(image.content.bytes, 'sha512');
    const { source, target, run } = await scene();
    source.putManifest(
      'app',
      { mediaType: image.content.descriptor.mediaType, bytes: image.content.bytes },
      long,
    );
    expect(await run({ digest: long })).toMatchObject({ state: 'copied', digest: long });
    expect(target.manifest(BACKUP, digestTagOf(long))).toEqual(image.content.bytes);
    // By the tag alone nobody could pull what the workload asks for.
    expect(target.manifest(BACKUP, long)).toEqual(image.content.bytes);
    expect(await run({ digest: long })).toEqual({ state: 'present', digest: long });
  });
});

describe('a source that counts what is read from it', () => {
  test('is asked by HEAD, and read only when that is needed', async () => {
    const { source, run } = await scene({ kept: image, counting: true });
    expect(await run()).toEqual({ state: 'present', digest });
    expect(requests(source)).toEqual(['HEAD v1']);
  });

  test('is not read for children that are there', async () => {
    const { source, run } = await scene({
      has: index,
      counting: true,
      target: { images: [{ repository: BACKUP, image }] },
    });
    await run();
    expect(requests(source)).toEqual([
      'HEAD v1',
      `GET ${indexDigest}`,
      `GET ${arm.content.descriptor.digest}`,
    ]);
  });
});

describe('chosen platforms', () => {
  const platforms = [{ os: 'linux', architecture: 'arm64' }];

  test('of a tag are what is kept, and what it is compared with from then on', async () => {
    const { source, run } = await scene({ has: index, platforms, counting: true });
    expect(await run()).toMatchObject({ state: 'copied', digest: arm.content.descriptor.digest });
    expect(await run()).toMatchObject({ state: 'present', digest: arm.content.descriptor.digest });
    expect(requests(source).at(-1)).toBe('HEAD v1');
  });

  test('do not touch a source given by digest: the workload asks for just that', async () => {
    const { run } = await scene({ has: index, platforms });
    expect(await run({ digest: indexDigest })).toMatchObject({ state: 'copied', digest: indexDigest });
  });
});

async function layers(platform: string): Promise<MadeImage> {
  const seeds = Array.from({ length: 10 }, (_, number) => ({
    size: 100,
    seed: platform.length * 100 + number,
  }));
  return makeImage({ layers: seeds, platform: { os: 'linux', architecture: platform } });
}

async function counted(has: MadeImage, options: SceneOptions = {}): Promise<Scene & { total: () => number }> {
  const made = await scene({ has, ...options });
  return { ...made, total: () => made.source.requests().length + made.target.requests().length };
}

describe('requests, on both sides together', () => {
  test('are 36 for a fresh image of one platform with ten layers: 3 a blob and 3', async () => {
    const { total, run } = await counted(await layers('a'));
    expect((await run()).state).toBe('copied');
    expect(total()).toBe(36);
  });

  test('are 111 for a fresh index of three such images: 3 a blob, 3 a child and 3', async () => {
    const { total, run } = await counted(
      makeIndex([await layers('a'), await layers('bb'), await layers('ccc')]),
    );
    expect((await run()).state).toBe('copied');
    expect(total()).toBe(111);
  });

  test('are 2 for a copy that is there', async () => {
    const { total, run } = await counted(image, { kept: image });
    expect((await run()).state).toBe('present');
    expect(total()).toBe(2);
  });

  test('is 1 for a copy that is there of a source given by digest', async () => {
    const { total, run } = await counted(image, { kept: image });
    expect((await run({ tag: 'v1', digest })).state).toBe('present');
    expect(total()).toBe(1);
  });

  test('is none for a copy that was confirmed a moment ago', async () => {
    const { total, run } = await counted(image, { freshMs: 60_000 });
    await run();
    const before = total();
    expect((await run()).state).toBe('present');
    expect(total()).toBe(before);
  });
});
