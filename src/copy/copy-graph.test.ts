import { describe, expect, test } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { graphCopy } from '../../test/fakes/copying.ts';
import { flippedBody } from '../../test/fakes/edit.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { useStage } from '../../test/fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { type Digest, digestOf, hexOf } from '../image/digest.ts';
import { OCI_MANIFEST } from '../image/media-type.ts';
import { BlobMemory } from './blob-memory.ts';
import { copyGraph, type GraphCopy, type Moved } from './copy-graph.ts';
import { transferLimit } from './limit.ts';
import type { ManifestContent } from './target.ts';

const stage = useStage();

const image = await makeImage({ layers: [100, 3000, 700].map((size, seed) => ({ size, seed })) });
const arm = await makeImage({
  layers: [
    { size: 3000, seed: 1 },
    { size: 500, seed: 9 },
  ],
  platform: { os: 'linux', architecture: 'arm64' },
});
const index = makeIndex([image, arm]);

const descriptors = image.blobs.map(({ descriptor }) => descriptor);

function contentOf(parts: object): ManifestContent {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, ...parts }));
  return { descriptor: { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }, bytes };
}

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  /** Copies `app` to `backup/app`. */
  readonly run: (made?: { content: ManifestContent }, options?: Partial<GraphCopy>) => Promise<Moved>;
}

async function scene(source: RegistryOptions = {}, target: RegistryOptions = {}): Promise<Scene> {
  const images = [image, index].map((made) => ({ repository: 'app', tag: 'v1', image: made }));
  const [from, to] = [await stage.registry({ images, ...source }), await stage.registry(target)];
  return {
    source: from,
    target: to,
    run: ({ content } = image, options = {}) =>
      copyGraph(
        graphCopy(stage.repository(from, 'app'), stage.repository(to, 'backup/app'), options),
        content,
        'v1',
      ),
  };
}

function digestsIn({ content, blobs, children }: MadeImage): Digest[] {
  return [
    content.descriptor.digest,
    ...blobs.map(({ descriptor }) => descriptor.digest),
    ...children.flatMap(digestsIn),
  ];
}

/** Last part of the path of each manifest that was written, in order. */
function manifestsPut(registry: ScriptedRegistry): (string | undefined)[] {
  return registry.requests('PUT', /manifests/).map(({ path }) => path.split('/').at(-1));
}

function blobsPut(registry: ScriptedRegistry): string[] {
  return registry.requests('PUT', /digest=/).map(({ query }) => query.get('digest') ?? '');
}

/** Digests of an image's parts that a registry does not have. */
function missing(registry: ScriptedRegistry, made: MadeImage, repository = 'backup/app'): Digest[] {
  return digestsIn(made).filter(
    (digest) =>
      registry.blob(repository, digest) === undefined && registry.manifest(repository, digest) === undefined,
  );
}

function fault(running: Promise<unknown>): Promise<unknown> {
  return running.catch((error: unknown) => error);
}

describe('a copy', () => {
  test('of an image has its manifest and all its blobs, byte for byte', async () => {
    const { target, run } = await scene();
    const moved = await run();
    expect(missing(target, image)).toEqual([]);
    expect(target.manifest('backup/app', 'v1')).toEqual(image.content.bytes);
    const bytes = image.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(moved).toEqual({ bytes, blobs: { pushed: 4, mounted: 0, present: 0 } });
  });

  test('of an index has its children by digest, and then itself under the tag', async () => {
    const { target, run } = await scene();
    await run(index);
    expect(missing(target, index)).toEqual([]);
    const put = manifestsPut(target);
    expect(new Set(put.slice(0, 2))).toEqual(
      new Set([image, arm].map(({ content }) => content.descriptor.digest)),
    );
    expect(put.slice(2)).toEqual(['v1']);
    expect(target.tags('backup/app')).toEqual(['v1']);
  });

  test('of nested indexes goes from the leaves up', async () => {
    const inner = makeIndex([image]);
    const outer = makeIndex([inner, arm]);
    const { source, target, run } = await scene();
    await source.seed({ repository: 'app', image: outer });
    await run(outer);
    const put = manifestsPut(target);
    expect(put.indexOf(image.content.descriptor.digest)).toBeLessThan(
      put.indexOf(inner.content.descriptor.digest),
    );
    expect(put.at(-1)).toBe('v1');
    expect(missing(target, outer)).toEqual([]);
  });

  test('sends a blob that several children have once, and a child that is listed twice once', async () => {
    const twice = makeIndex([image, arm, image]);
    const { source, target, run } = await scene();
    await source.seed({ repository: 'app', image: twice });
    await run(twice);
    expect(blobsPut(target).toSorted()).toEqual(
      [...new Set([...image.blobs, ...arm.blobs].map(({ descriptor }) => descriptor.digest))].toSorted(),
    );
    expect(manifestsPut(target)).toHaveLength(3);
  });

  test('sends a child that two parents have once', async () => {
    const inner = makeIndex([image]);
    const outer = makeIndex([inner, image]);
    const { source, target, run } = await scene();
    await source.seed({ repository: 'app', image: outer });
    await run(outer);
    const [child, parent] = [image, inner].map(({ content }) => content.descriptor.digest);
    expect(manifestsPut(target)).toEqual([child, parent, 'v1']);
  });

  test('begins with the largest blob', async () => {
    const { target, run } = await scene();
    await run(image, { limit: transferLimit(1) });
    const sizes = target.requests('PUT', /digest=/).map(({ bodyBytes }) => bodyBytes);
    expect(sizes).toEqual(sizes.toSorted((one, other) => other - one));
    expect(sizes[0]).toBe(3000);
  });

  test('has no more blobs under way than its limit', async () => {
    const { promise: held, resolve } = Promise.withResolvers<void>();
    const { target, run } = await scene({}, { faults: [{ method: 'PUT', path: /digest=/, wait: held }] });
    const running = run(image, { limit: transferLimit(2) });
    await target.seen('PUT', /digest=/, 2);
    expect(target.requests('POST')).toHaveLength(2);
    resolve();
    await running;
    expect(target.requests('PUT', /digest=/)).toHaveLength(4);
  });

  test('counts the bytes of each blob as it reads it, and anew when it sends it anew', async () => {
    const { run } = await scene(
      {},
      { faults: [{ method: 'PUT', path: /digest=/, nth: 1, answer: answer(503) }] },
    );
    const told: [size: number, bytes: number][] = [];
    await run(image, {
      onBytes: ({ size }, bytes) => told.push([size, bytes]),
      limit: transferLimit(1),
    });
    const whole = told.filter(([size, bytes]) => size === bytes).map(([size]) => size);
    const [largest, ...others] = image.blobs
      .map(({ descriptor }) => descriptor.size)
      .toSorted((a, b) => b - a);
    expect(whole).toEqual([largest, largest, ...others]);
    expect(told.filter(([size, bytes]) => bytes > size)).toEqual([]);
  });

  test('tells what it does', async () => {
    const { run } = await scene();
    const told: unknown[] = [];
    await run(image, {
      onStart: (plan) => told.push(plan),
      onBlob: ({ descriptor, pushed }) => told.push([descriptor.size, pushed]),
      onManifest: ({ digest }) => told.push(digest),
      limit: transferLimit(1),
    });
    const config = image.blobs[0]?.descriptor.size ?? 0;
    expect(told).toEqual([
      { bytes: 3800 + config, blobs: 4 },
      [3000, 'pushed'],
      [700, 'pushed'],
      ...[config, 100].toSorted((one, other) => other - one).map((size) => [size, 'pushed']),
      image.content.descriptor.digest,
    ]);
  });

  test('of any artifact is a copy like others: charts, signatures, with or without layers', async () => {
    const chart = await makeImage({
      artifactType: 'application/vnd.cncf.helm.config.v1+json',
      layers: [{ size: 10, seed: 1 }],
    });
    const empty = await makeImage({ artifactType: 'application/vnd.example.empty', layers: [] });
    const { source, target, run } = await scene();
    for (const made of [chart, empty]) {
      await source.seed({ repository: 'app', image: made });
      await run(made);
      expect(missing(target, made)).toEqual([]);
    }
  });
});

describe('what the target has', () => {
  test('is not sent again', async () => {
    const { target, run } = await scene();
    await target.seed({ repository: 'backup/app', image });
    expect(await run(index)).toMatchObject({ blobs: { pushed: 2, mounted: 0, present: 1 } });
    expect(missing(target, index)).toEqual([]);
  });

  test('is not read from the source either, where that counts', async () => {
    const { source, target, run } = await scene();
    await target.seed({ repository: 'backup/app', image });
    await run(index, { frugal: true });
    const read = source.requests('GET', /manifests/).map(({ path }) => path.split('/').at(-1));
    expect(read).toEqual([arm.content.descriptor.digest]);
  });

  test('is asked for while the source is read, where that does not count', async () => {
    const { source, target, run } = await scene();
    await target.seed({ repository: 'backup/app', image });
    await run(index);
    expect(source.requests('GET', /manifests/)).toHaveLength(2);
  });
});

describe('a target that was believed and lacks something', () => {
  const lie = { method: 'POST', path: /mount=/, answer: answer(201) };

  test('is sent everything once more without being asked', async () => {
    const { target, run } = await scene({}, { faults: [lie] });
    expect(await run(index)).toMatchObject({ blobs: { pushed: 6, mounted: 0, present: 0 } });
    expect(missing(target, index)).toEqual([]);
    expect(target.requests('POST').filter(({ query }) => !query.has('mount'))).toHaveLength(6);
  });

  test('may say so as Artifactory does', async () => {
    const { target, run } = await scene(
      {},
      {
        faults: [lie, { method: 'PUT', path: /manifests/, nth: 1, answer: refusal(400, 'MANIFEST_INVALID') }],
      },
    );
    await run();
    expect(missing(target, image)).toEqual([]);
  });

  test('about a child whose blobs a garbage collector took is sent those', async () => {
    const { target, run } = await scene(
      {},
      {
        faults: [
          { method: 'PUT', path: /manifests\/v1/, nth: 1, answer: refusal(400, 'MANIFEST_BLOB_UNKNOWN') },
        ],
      },
    );
    await target.seed({ repository: 'backup/app', image });
    for (const { descriptor } of image.blobs) target.dropBlob('backup/app', descriptor.digest);
    await run(index);
    expect(missing(target, index)).toEqual([]);
  });

  test('and still lacks it then is given up', async () => {
    const { run } = await scene(
      {},
      { faults: [{ method: 'PUT', path: /manifests/, answer: refusal(400, 'MANIFEST_BLOB_UNKNOWN') }, lie] },
    );
    expect(await fault(run())).toMatchObject({
      code: 'MISSING_CONTENT',
      side: 'target',
      operation: 'push manifest',
    });
  });

  test('is not blamed for a manifest that its source spoilt', async () => {
    const child = new RegExp(`manifests/${arm.content.descriptor.digest}`);
    const { source, target, run } = await scene({
      faults: [{ method: 'GET', path: child, answer: refusal(400, 'MANIFEST_UNKNOWN') }],
    });
    await target.seed({ repository: 'backup/app', image });
    expect(await fault(run(index))).toMatchObject({ code: 'MISSING_CONTENT', side: 'source' });
    expect(source.requests('GET', child)).toHaveLength(1);
  });

  test('was asked for nothing cannot have been wrong: an invalid manifest is not sent twice', async () => {
    const { target, run } = await scene(
      {},
      { faults: [{ method: 'PUT', path: /manifests/, answer: refusal(400, 'MANIFEST_INVALID') }] },
    );
    expect(await fault(run())).toMatchObject({ code: 'INVALID_MANIFEST' });
    expect(manifestsPut(target)).toHaveLength(1);
  });
});

describe('a target that takes a moment to see what it was sent', () => {
  test('is offered the manifest again', async () => {
    const { target, run } = await scene({}, { traits: { settlingPuts: 3 } });
    await run();
    expect(manifestsPut(target)).toEqual(['v1', 'v1', 'v1', 'v1']);
    expect(blobsPut(target)).toHaveLength(4);
  });

  test('is given up after three waits', async () => {
    const { target, run } = await scene({}, { traits: { settlingPuts: 4 } });
    expect(await fault(run())).toMatchObject({
      code: 'MISSING_CONTENT',
      side: 'target',
      digest: image.content.descriptor.digest,
    });
    expect(manifestsPut(target)).toHaveLength(4);
  });

  test('is not waited for when the copy is broken off', async () => {
    const { target, run } = await scene({}, { traits: { settlingPuts: 9 } });
    const stop = new AbortController();
    const running = fault(run(image, { consistencyWaitsMs: [1_000_000], signal: stop.signal }));
    await expect.poll(() => target.requests('PUT', /manifests/)[0]?.status).toBe(400);
    stop.abort();
    expect(await running).toMatchObject({ side: 'target' });
    expect(manifestsPut(target)).toHaveLength(1);
  });
});

describe('an error says on which side it was', () => {
  const [config, , layer] = image.blobs.map(({ descriptor }) => descriptor.digest);

  test.each<[string, RegistryOptions, RegistryOptions, object]>([
    [
      'a source that lost a blob',
      {
        faults: [{ method: 'GET', path: new RegExp(`blobs/${layer}`), answer: refusal(404, 'BLOB_UNKNOWN') }],
      },
      {},
      { side: 'source', code: 'NOT_FOUND', operation: 'copy blob', digest: layer },
    ],
    [
      'a source that sends other bytes',
      { faults: [{ method: 'GET', path: new RegExp(`blobs/${layer}`), edit: flippedBody }] },
      {},
      { side: 'source', code: 'CONTENT_MISMATCH', operation: 'copy blob', digest: layer },
    ],
    [
      'a source that breaks off each time',
      { faults: [{ method: 'GET', path: new RegExp(`blobs/${config}`), cutAfterResponseBytes: 5 }] },
      {},
      { side: 'source', code: 'UNREACHABLE', operation: 'copy blob', digest: config },
    ],
    [
      'a target that is full',
      {},
      { faults: [{ method: 'PUT', path: /digest=/, answer: answer(507) }] },
      { side: 'target', code: 'UNAVAILABLE', operation: 'copy blob' },
    ],
    [
      'a target that breaks off each time',
      {},
      { faults: [{ method: 'PUT', path: /digest=/, cutAfterRequestBytes: 1 }] },
      { side: 'target', code: 'UNREACHABLE', operation: 'copy blob' },
    ],
    [
      'a target that denies it',
      {},
      { faults: [{ method: 'POST', path: /uploads/, answer: refusal(403, 'DENIED') }] },
      { side: 'target', code: 'DENIED', operation: 'copy blob' },
    ],
    [
      'a target that denies the manifest',
      {},
      { faults: [{ method: 'PUT', path: /manifests/, answer: refusal(403, 'DENIED') }] },
      { side: 'target', code: 'DENIED', operation: 'push manifest', digest: image.content.descriptor.digest },
    ],
  ])('%s', async (_name, source, target, details) => {
    const { run, target: registry } = await scene(source, target);
    expect(await fault(run())).toMatchObject(details);
    expect(registry.openUploads()).toBe(0);
  });

  test('a large blob whose target resets is not the fault of its source', async () => {
    const large = await makeImage({ layers: [{ size: 2_000_000, seed: 1 }] });
    const { source, run } = await scene(
      {},
      { faults: [{ method: 'PUT', path: /digest=/, cutAfterRequestBytes: 100_000 }] },
    );
    await source.seed({ repository: 'app', image: large });
    expect(await fault(run(large))).toMatchObject({ side: 'target', code: 'UNREACHABLE' });
  });

  test('a child that the source lost', async () => {
    const { run } = await scene({
      faults: [{ path: new RegExp(arm.content.descriptor.digest), answer: refusal(404, 'MANIFEST_UNKNOWN') }],
    });
    expect(await fault(run(index))).toMatchObject({
      side: 'source',
      code: 'NOT_FOUND',
      operation: 'read manifest',
      digest: arm.content.descriptor.digest,
    });
  });

  test('a child that the target cannot be asked for', async () => {
    const { run } = await scene({}, { faults: [{ method: 'HEAD', path: /manifests/, answer: answer(500) }] });
    expect(await fault(run(index))).toMatchObject({
      side: 'target',
      code: 'UNAVAILABLE',
      operation: 'look for manifest',
    });
  });
});

describe('when it fails', () => {
  test('all that it began has ended: nothing is under way and no upload is open', async () => {
    const { promise: held } = Promise.withResolvers<void>();
    const [, first] = image.blobs.map(({ descriptor }) => descriptor.digest);
    const { target, run } = await scene({
      faults: [
        { path: new RegExp(`blobs/${first}`), answer: refusal(404, 'BLOB_UNKNOWN') },
        { path: /blobs/, pause: { afterBytes: 1, until: held } },
      ],
    });
    expect(await fault(run())).toMatchObject({ code: 'NOT_FOUND', digest: first });
    expect(target.openUploads()).toBe(0);
  });

  test('blobs that wait in line behind other copies are not waited for', async () => {
    const limit = transferLimit(1);
    const { promise: occupied, resolve } = Promise.withResolvers<void>();
    const stop = new AbortController();
    const { target, run } = await scene();
    void limit(() => occupied);
    const running = fault(run(image, { limit, signal: stop.signal }));
    stop.abort();
    expect(await running).toMatchObject({ code: 'ABORTED', operation: 'copy blob' });
    resolve();
    await limit(async () => undefined);
    expect(target.requests()).toEqual([]);
  });

  test('because it was broken off, uploads are given back before it says so', async () => {
    const { promise: held } = Promise.withResolvers<void>();
    const { target, run } = await scene({
      faults: [{ path: /blobs/, pause: { afterBytes: 1, until: held } }],
    });
    const stop = new AbortController();
    const running = fault(run(image, { signal: stop.signal }));
    await target.seen('POST', undefined, 4);
    stop.abort();
    expect(await running).toMatchObject({ code: 'ABORTED' });
    expect([target.openUploads(), target.requests('DELETE').length]).toEqual([0, 4]);
  });
});

describe('foreign layers', () => {
  const foreign: Descriptor = {
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    digest: digestOf(Buffer.from('foreign')),
    size: 7,
    urls: ['http://169.254.169.254/layer'],
  };

  function withForeign(): ManifestContent {
    const [config, ...layers] = descriptors;
    return contentOf({ config, layers: [...layers, foreign] });
  }

  test('are not copied, and their addresses not followed', async () => {
    const { source, target, run } = await scene();
    await run({ content: withForeign() });
    expect(
      [...source.requests(), ...target.requests()].filter(({ path, query }) =>
        `${path}?${query.toString()}`.includes(hexOf(foreign.digest)),
      ),
    ).toEqual([]);
    expect(missing(target, image)).toEqual([image.content.descriptor.digest]);
  });

  test('that the target does not want are named as what is in the way', async () => {
    const { run } = await scene(
      {},
      { faults: [{ method: 'PUT', path: /manifests/, answer: refusal(500, 'MANIFEST_BLOB_UNKNOWN') }] },
    );
    expect(await fault(run({ content: withForeign() }))).toMatchObject({
      message: expect.stringContaining('foreign layers the target must allow'),
      side: 'target',
    });
  });
});

function withData(data: string, size?: number): ManifestContent {
  const [first, ...layers] = descriptors;
  return contentOf({ config: { ...first, data, ...(size !== undefined && { size }) }, layers });
}

describe('content inside a descriptor', () => {
  const [config] = image.blobs;

  test('that is right is not read from the source', async () => {
    const { source, target, run } = await scene();
    const right = source.blob('app', config?.descriptor.digest ?? '');
    await run({ content: withData(right?.toString('base64') ?? '') });
    expect(target.blob('backup/app', config?.descriptor.digest ?? '')).toEqual(right);
    expect(source.requests('GET', new RegExp(`blobs/${config?.descriptor.digest}`))).toEqual([]);
  });

  test.each(['', 'AAAA', '!!!'])('that is wrong is not believed: %j', async (data) => {
    const { source, run } = await scene();
    await run({ content: withData(data) });
    expect(source.requests('GET', new RegExp(`blobs/${config?.descriptor.digest}`))).toHaveLength(1);
  });

  test('of the right size and another digest is not believed', async () => {
    const { source, target, run } = await scene();
    const right = source.blob('app', config?.descriptor.digest ?? '');
    await run({ content: withData(Buffer.alloc(right?.length ?? 0, 'x').toString('base64')) });
    expect(target.blob('backup/app', config?.descriptor.digest ?? '')).toEqual(right);
    expect(source.requests('GET', new RegExp(`blobs/${config?.descriptor.digest}`))).toHaveLength(1);
  });

  test('of the right digest and another size is not believed', async () => {
    const { source, target, run } = await scene();
    const right = source.blob('app', config?.descriptor.digest ?? '');
    const content = withData(right?.toString('base64') ?? '', (right?.length ?? 0) + 1);
    expect(await fault(run({ content }))).toMatchObject({ code: 'CONTENT_MISMATCH', side: 'source' });
    expect(target.blob('backup/app', config?.descriptor.digest ?? '')).toBeUndefined();
  });
});

describe('a base that many images share', () => {
  const TWENTY = Array.from({ length: 20 }, (_, number) => number);

  async function many(): Promise<readonly MadeImage[]> {
    return Promise.all(
      TWENTY.map((number) =>
        makeImage({
          layers: [
            { size: 5000, seed: 1 },
            { size: 4000, seed: 2 },
            { size: 100, seed: 100 + number },
          ],
        }),
      ),
    );
  }

  async function shared(target: RegistryOptions = {}): Promise<{
    source: ScriptedRegistry;
    target: ScriptedRegistry;
    images: readonly MadeImage[];
    runAll: () => Promise<PromiseSettledResult<Moved>[]>;
  }> {
    const images = await many();
    const source = await stage.registry({
      images: images.map((made) => ({ repository: 'apps', image: made })),
    });
    const to = await stage.registry(target);
    const memory = new BlobMemory();
    const [reading, writing] = [stage.client(), stage.client()];
    const limit = transferLimit(4);
    return {
      source,
      target: to,
      images,
      runAll: () =>
        Promise.allSettled(
          images.map(({ content }, number) => {
            const place = { host: to.host, path: `app-${number}` };
            const sides = [
              stage.repository(source, 'apps', { client: reading }),
              stage.repository(to, place.path, { client: writing }),
            ] as const;
            return copyGraph(graphCopy(...sides, { limit, mounts: { memory, place } }), content, 'v1');
          }),
        ),
    };
  }

  test('is sent once when they are copied at the same time', async () => {
    const { source, target, images, runAll } = await shared();
    const moved = await runAll();
    expect(moved.filter(({ status }) => status === 'rejected')).toEqual([]);
    const distinct = new Set(images.flatMap(({ blobs }) => blobs.map(({ descriptor }) => descriptor.digest)));
    expect(blobsPut(target).toSorted()).toEqual([...distinct].toSorted());
    expect(source.requests('GET', /blobs/)).toHaveLength(distinct.size);
    expect(images.flatMap((made, number) => missing(target, made, `app-${number}`))).toEqual([]);
  });

  test('is sent once more, and not nineteen times, when the copy that sent it fails', async () => {
    const { target, images, runAll } = await shared({
      faults: [{ method: 'PUT', path: /app-0\/.*digest=/, answer: refusal(403, 'DENIED') }],
    });
    const moved = await runAll();
    expect(moved.map(({ status }) => status)).toEqual([
      'rejected',
      ...TWENTY.slice(1).map(() => 'fulfilled'),
    ]);
    const counts = new Map<string, number>();
    for (const { query, status } of target.requests('PUT', /digest=/)) {
      const digest = query.get('digest') ?? '';
      if (status === 201) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    expect(Math.max(...counts.values())).toBe(1);
    expect(images.slice(1).flatMap((made, number) => missing(target, made, `app-${number + 1}`))).toEqual([]);
  });

  test('is sent each time where the registry does not mount', async () => {
    const { target, images, runAll } = await shared({ traits: { mounts: false } });
    await runAll();
    expect(images.flatMap((made, number) => missing(target, made, `app-${number}`))).toEqual([]);
  });
});
