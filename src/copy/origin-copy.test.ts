import { describe, expect, test } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { type CopierStageOptions, copierOn, taskBetween } from '../../test/fakes/copying.ts';
import { FakeOrigin, type FakeOriginOptions } from '../../test/fakes/origin.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import { pushImage, repositoryAt } from '../../test/images/push.ts';
import type { Digest } from '../image/digest.ts';
import { digestTagOf, formatReference, type Reference } from '../image/reference.ts';
import type { Copier } from './copier.ts';
import type { CopyEvent } from './event.ts';
import type { LayerProgress } from './layer-progress.ts';
import type { Credential, Held } from './origin.ts';
import type { Outcome } from './outcome.ts';

const stage = useStage();

const image = await makeImage();
const arm = await makeImage({ platform: { os: 'linux', architecture: 'arm64' } });
const remade = await makeImage({ layers: [{ size: 1000, seed: 9 }] });
const index = makeIndex([image, arm]);
const BACKUP = 'backup/app';
const SECRET: Credential = { kind: 'basic', username: 'backup', password: 'secret' };
const GONE = { faults: [{ path: /./, answer: refusal(404, 'MANIFEST_UNKNOWN') }] };

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly copier: Copier;
  readonly events: CopyEvent[];
  readonly run: (name?: { tag?: string; digest?: Digest }) => Promise<Outcome>;
}

interface SceneOptions extends CopierStageOptions {
  /** Built once the registries are there. */
  readonly nodes?: (target: ScriptedRegistry) => readonly FakeOrigin[];
  /** The first of the nodes pulls before the registry is asked. */
  readonly pullsFirst?: boolean;
  readonly source?: RegistryOptions;
  readonly target?: RegistryOptions;
}

/** A source that has nothing, unless it is told otherwise, and nodes that may. */
async function scene(options: SceneOptions): Promise<Scene> {
  const { nodes = () => [], pullsFirst = false, source = {}, target = {}, ...rest } = options;
  const [from, to] = [await stage.registry(source), await stage.registry(target)];
  const all = nodes(to);
  const events: CopyEvent[] = [];
  const copier = copierOn(stage, {
    observe: (event) => events.push(event),
    origins: {
      all,
      ...(pullsFirst && { first: all[0] }),
      credentialFor: async (side) => (side === 'target' ? SECRET : undefined),
    },
    ...rest,
  });
  return {
    source: from,
    target: to,
    copier,
    events,
    run: (name = { tag: 'v1' }) => copier.ensure(taskBetween(from, to, { path: 'app', ...name }), never),
  };
}

/** What can be read of an image: a small registry stands for the content of a node. */
async function content(held: MadeImage, { partial }: Pick<Held, 'partial'> = {}): Promise<Held> {
  const store = await stage.registry({ images: [{ repository: 'node', image: held }] });
  const { digest } = held.content.descriptor;
  return { digest, source: stage.repository(store, 'node'), faithful: true, ...(partial && { partial }) };
}

/** What only the daemon can push, and makes anew. */
function behind(target: ScriptedRegistry, made: MadeImage, seen: unknown[] = []): Held {
  return {
    faithful: false,
    push: async (backup, tag, { credential, onProgress }) => {
      seen.push({ backup: formatReference(backup), tag, credential });
      onProgress?.({ layer: 'one', status: 'Pushing', bytes: 40 });
      onProgress?.({ layer: 'one', status: 'Pushed' });
      onProgress?.({ layer: 'two', status: 'Pushed', bytes: 2 });
      await pushImage(repositoryAt(target.url, BACKUP), made, tag);
    },
  };
}

async function holding(held: MadeImage, options: FakeOriginOptions = {}): Promise<FakeOrigin> {
  const there = await content(held);
  return new FakeOrigin({ holds: () => there, ...options });
}

async function partly(): Promise<FakeOrigin> {
  const part = await content(image, { partial: { index: digestOf(index), platform: 'linux/amd64' } });
  return new FakeOrigin({ holds: () => part });
}

async function pulling(pull: () => Promise<void>): Promise<FakeOrigin> {
  const there = await content(image);
  let pulled = false;
  return new FakeOrigin({
    name: 'docker',
    holds: () => (pulled ? there : undefined),
    pull: async () => {
      await pull();
      pulled = true;
    },
  });
}

function digestOf(made: MadeImage): Digest {
  return made.content.descriptor.digest;
}

/** What is told of origins, without the steps of the copy and of its layers. */
function told(events: readonly CopyEvent[]): object[] {
  const steps = ['started', 'blob-done', 'manifest-pushed', 'finished', 'origin-progress'];
  return events
    .filter(({ type }) => !steps.includes(type))
    .map(({ task: _task, ...event }) => event)
    .map((event) => ('durationMs' in event ? { ...event, durationMs: 0 } : event));
}

describe('an image whose source cannot give it', () => {
  test.each<[string, RegistryOptions, string]>([
    ['because it is gone', GONE, 'NOT_FOUND'],
    ['because it wants a password', { faults: [{ path: /./, answer: answer(401) }] }, 'UNAUTHORIZED'],
    ['because it does not let us in', { faults: [{ path: /./, answer: answer(403) }] }, 'DENIED'],
    ['because it counts us out', { faults: [{ path: /./, answer: answer(429) }] }, 'RATE_LIMITED'],
    ['because it fails', { faults: [{ path: /./, answer: answer(503) }] }, 'UNAVAILABLE'],
    [
      'because its name is now served by something else',
      { faults: [{ path: /./, answer: answer(200, { 'content-type': 'text/html' }, '<html>') }] },
      'INVALID_MANIFEST',
    ],
  ])('%s, is copied from the node that holds it', async (_why, source, code) => {
    const node = await holding(image);
    const { target, events, run } = await scene({ source, nodes: () => [node] });
    const bytes = image.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(await run()).toEqual({ state: 'copied', digest: digestOf(image), bytes });
    expect(target.manifest(BACKUP, 'v1')).toEqual(image.content.bytes);
    expect(told(events)).toEqual([
      { type: 'origin-used', origin: 'node', why: expect.objectContaining({ side: 'source', code }) },
    ]);
    expect(node.calls.map((call) => call.split(' ')[0])).toEqual(['find', 'close']);
  });

  test('because its registry is stopped, is copied from the node that holds it', async () => {
    const node = await holding(image);
    const { source, run, target } = await scene({ nodes: () => [node] });
    await source.close();
    expect(await run()).toMatchObject({ state: 'copied', digest: digestOf(image) });
    expect(target.tags(BACKUP)).toEqual(['v1']);
  });

  test('because one layer of it is lost there, is copied from the node that holds it', async () => {
    const node = await holding(image);
    const { source, run } = await scene({
      nodes: () => [node],
      source: { images: [{ repository: 'app', tag: 'v1', image }] },
    });
    source.dropBlob('app', image.blobs[1]?.descriptor.digest ?? '');
    expect(await run()).toMatchObject({ state: 'copied', digest: digestOf(image) });
  });

  test('and that no node holds fails with what the source said', async () => {
    const node = new FakeOrigin();
    const { events, run } = await scene({ source: GONE, nodes: () => [node] });
    expect(await run()).toMatchObject({ state: 'failed', error: { code: 'NOT_FOUND', side: 'source' } });
    expect(told(events)).toEqual([expect.objectContaining({ type: 'failed' })]);
  });
});

describe('no node is asked', () => {
  test('for an image that the source gives', async () => {
    const node = new FakeOrigin();
    const { run } = await scene({
      nodes: () => [node],
      source: { images: [{ repository: 'app', tag: 'v1', image }] },
    });
    expect(await run()).toMatchObject({ state: 'copied' });
    expect(node.calls).toEqual([]);
  });

  test('for a copy that is there: what a node holds never replaces it', async () => {
    const node = await holding(remade);
    const { run, target } = await scene({
      nodes: () => [node],
      source: GONE,
      target: { images: [{ repository: BACKUP, tag: 'v1', image }] },
    });
    expect(await run()).toEqual({ state: 'present', digest: digestOf(image) });
    expect([node.calls, target.requests('PUT')]).toEqual([[], []]);
  });

  test('for a copy whose newer image cannot be read at the source', async () => {
    const node = await holding(remade);
    const { run, source } = await scene({
      nodes: () => [node],
      source: { images: [{ repository: 'app', tag: 'v1', image: remade }] },
      target: { images: [{ repository: BACKUP, tag: 'v1', image }] },
    });
    for (const { descriptor } of remade.blobs) source.dropBlob('app', descriptor.digest);
    expect(await run()).toEqual({ state: 'present', digest: digestOf(image) });
    expect(node.calls).toEqual([]);
  });

  test.each<[string, RegistryOptions]>([
    ['refuses everything', { faults: [{ method: 'POST', path: /./, answer: answer(401) }] }],
    ['fails', { faults: [{ path: /./, answer: answer(500) }] }],
  ])('when it is the backup registry that %s', async (_what, target) => {
    const node = await holding(image);
    const { run } = await scene({
      nodes: () => [node],
      target,
      source: { images: [{ repository: 'app', tag: 'v1', image }] },
    });
    expect(await run()).toMatchObject({ state: 'failed', error: { side: 'target' } });
    expect(node.calls).toEqual([]);
  });

  test('for an address that must not be asked: what is refused stays refused', async () => {
    const node = await holding(image);
    const { run } = await scene({ nodes: () => [node], sourceClient: { mayBeInternal: () => false } });
    expect(await run()).toMatchObject({ state: 'failed', error: { code: 'FORBIDDEN_HOP' } });
    expect(node.calls).toEqual([]);
  });
});

describe('of several nodes', () => {
  test('the first that holds it is taken, and no other is asked', async () => {
    const nodes = [
      new FakeOrigin({ name: 'docker' }),
      await holding(image, { name: 'containerd' }),
      await holding(image, { name: 'agents' }),
    ];
    const { events, run } = await scene({ source: GONE, nodes: () => nodes });
    await run();
    expect(told(events)).toMatchObject([{ type: 'origin-used', origin: 'containerd' }]);
    expect(nodes.map(({ calls }) => calls.length)).toEqual([1, 2, 0]);
  });

  test('one that cannot be asked is told of and passed over', async () => {
    const broken = new FakeOrigin({
      name: 'docker',
      holds: () => Promise.reject(new Error('permission denied')),
    });
    const node = await holding(image);
    const { events, run } = await scene({ source: GONE, nodes: () => [broken, node] });
    expect(await run()).toMatchObject({ state: 'copied' });
    expect(told(events)).toMatchObject([
      { type: 'origin-failed', origin: 'docker', error: { message: 'permission denied' } },
      { type: 'origin-used', origin: 'node' },
    ]);
  });

  test('one that loses content on the way is told of, and the next one gives it', async () => {
    const lossy = await content(image);
    if ('source' in lossy) lossy.source.fetch = () => Promise.reject(new Error('content is gone'));
    const first = new FakeOrigin({ name: 'docker', holds: () => lossy });
    const second = await holding(image, { name: 'containerd' });
    const { events, run } = await scene({ source: GONE, nodes: () => [first, second] });
    expect(await run()).toMatchObject({ state: 'copied', digest: digestOf(image) });
    expect(told(events)).toMatchObject([
      { type: 'origin-used', origin: 'docker' },
      { type: 'origin-failed', origin: 'docker' },
      { type: 'origin-used', origin: 'containerd' },
    ]);
    expect(first.calls.at(-1)).toMatch(/^close/);
  });

  test('the one with all of it is preferred to one platform, and that to what is made anew', async () => {
    const part = await content(image, { partial: { index: digestOf(index) } });
    const asked: string[] = [];
    function three(target: ScriptedRegistry): FakeOrigin[] {
      return [
        new FakeOrigin({ name: 'docker', holds: () => behind(target, remade, asked) }),
        new FakeOrigin({ name: 'containerd', holds: () => part }),
        new FakeOrigin({ name: 'agents', holds: async () => content(index) }),
      ];
    }
    const all = await scene({ source: GONE, nodes: three });
    expect(await all.run()).toMatchObject({ digest: digestOf(index) });
    const two = await scene({ source: GONE, nodes: (target) => three(target).slice(0, 2) });
    expect(await two.run()).toMatchObject({ digest: digestOf(image) });
    expect(asked).toEqual([]);
  });

  test('every one that was found is let go', async () => {
    const part = await content(image, { partial: { index: digestOf(index) } });
    const nodes = [new FakeOrigin({ holds: () => part }), new FakeOrigin({ holds: () => part })];
    const { run } = await scene({ source: GONE, nodes: () => nodes });
    await run();
    for (const { calls } of nodes) expect(calls.filter((call) => call.startsWith('close'))).not.toEqual([]);
  });
});

describe('one platform of an index', () => {
  test('is copied as what it is, and told of', async () => {
    const node = await partly();
    const { target, events, run } = await scene({ source: GONE, nodes: () => [node] });
    expect(await run()).toMatchObject({ state: 'copied', digest: digestOf(image) });
    expect(target.manifest(BACKUP, 'v1')).toEqual(image.content.bytes);
    expect(told(events)[1]).toEqual({
      type: 'partial',
      origin: 'node',
      digest: digestOf(image),
      index: digestOf(index),
      platform: 'linux/amd64',
    });
  });

  test('is no copy of a source that asks for the index by its digest: nothing is pushed', async () => {
    const node = await partly();
    const { target, run } = await scene({ source: GONE, nodes: () => [node] });
    expect(await run({ digest: digestOf(index) })).toMatchObject({ state: 'failed' });
    expect(target.requests('PUT')).toEqual([]);
    expect(node.calls.at(-1)).toMatch(/^close/);
  });

  test('is the copy of a source that asks for just that platform by its digest', async () => {
    const node = await partly();
    const { target, events, run } = await scene({ source: GONE, nodes: () => [node] });
    expect(await run({ digest: digestOf(image) })).toMatchObject({ digest: digestOf(image) });
    expect(target.tags(BACKUP)).toEqual([digestTagOf(digestOf(image))]);
    expect(told(events)).toMatchObject([{ type: 'origin-used' }]);
  });

  test('of an index that is all there is cut out where the settings want it alone', async () => {
    const node = await holding(index);
    const { run } = await scene({
      source: GONE,
      nodes: () => [node],
      platforms: [{ os: 'linux', architecture: 'arm64' }],
    });
    expect(await run()).toMatchObject({ digest: digestOf(arm) });
  });

  test('gives way to the whole index once the source is back', async () => {
    const node = await partly();
    const { source, run, target } = await scene({ nodes: () => [node] });
    expect(await run()).toMatchObject({ digest: digestOf(image) });
    await source.seed({ repository: 'app', tag: 'v1', image: index });
    expect(await run()).toMatchObject({ state: 'copied', digest: digestOf(index) });
    expect(target.manifest(BACKUP, digestTagOf(digestOf(image)))).toEqual(image.content.bytes);
  });
});

describe('a daemon that makes images anew', () => {
  test('pushes a tag itself, and the digest is what the backup registry says', async () => {
    const seen: unknown[] = [];
    const { target, events, run } = await scene({
      source: GONE,
      nodes: (to) => [new FakeOrigin({ holds: () => behind(to, remade, seen) })],
    });
    expect(await run()).toEqual({ state: 'copied', digest: digestOf(remade), bytes: 42 });
    expect(seen).toEqual([{ backup: `${target.host}/${BACKUP}:v1`, tag: 'v1', credential: SECRET }]);
    expect(told(events)[1]).toEqual({ type: 'unfaithful', origin: 'node', digest: digestOf(remade) });
  });

  test('is not believed when the backup registry has nothing', async () => {
    const liar: Held = { faithful: false, push: async () => undefined };
    const { run } = await scene({ source: GONE, nodes: () => [new FakeOrigin({ holds: () => liar })] });
    expect(await run()).toMatchObject({
      state: 'failed',
      error: { side: 'target', operation: 'confirm what was pushed' },
    });
  });

  test('that fails leaves the failure of the source as the last word', async () => {
    const broken: Held = {
      faithful: false,
      push: () => Promise.reject(new Error('no space left on device')),
    };
    const { events, run } = await scene({
      source: GONE,
      nodes: () => [new FakeOrigin({ holds: () => broken })],
    });
    expect(await run()).toMatchObject({ state: 'failed', error: { code: 'NOT_FOUND', side: 'source' } });
    expect(told(events)[1]).toMatchObject({
      type: 'origin-failed',
      error: { message: expect.stringContaining('no space left on device') },
    });
  });

  test('does not give a source with a digest its copy: it is kept aside, and pushed once', async () => {
    const seen: unknown[] = [];
    const { target, run, copier } = await scene({
      source: GONE,
      nodes: (to) => [new FakeOrigin({ holds: () => behind(to, remade, seen) })],
    });
    const name = { tag: 'v1', digest: digestOf(image) };
    expect(await run(name)).toMatchObject({ state: 'copied', digest: digestOf(remade) });
    expect(await run(name)).toMatchObject({ state: 'copied', digest: digestOf(remade), bytes: 0 });
    expect(target.tags(BACKUP)).toEqual([expect.stringMatching(/^anew-[0-9a-f]{64}$/)]);
    expect(seen).toHaveLength(1);
    const task = taskBetween({ host: 'gone.example.com' }, target, { path: 'app', ...name });
    expect(await copier.find(task, never)).toBeUndefined();
  });

  test('does not get the tag of a digest under names that sources share, either', async () => {
    const { target, copier } = await scene({
      source: GONE,
      nodes: (to) => [new FakeOrigin({ holds: () => behind(to, remade) })],
    });
    const name = { path: 'app', tag: 'v1', digest: digestOf(image) };
    const task = { ...taskBetween({ host: 'gone.invalid' }, target, name), shared: true };
    expect(await copier.ensure(task, never)).toMatchObject({ digest: digestOf(remade) });
    expect(target.tags(BACKUP)).toEqual([expect.stringMatching(/^anew-[0-9a-f]{64}$/)]);
  });

  test('gives a source with a digest its copy where it came out just the same', async () => {
    const { target, events, run } = await scene({
      source: GONE,
      nodes: (to) => [new FakeOrigin({ holds: () => behind(to, image) })],
    });
    expect(await run({ digest: digestOf(image) })).toMatchObject({ digest: digestOf(image) });
    expect(target.manifest(BACKUP, digestTagOf(digestOf(image)))).toEqual(image.content.bytes);
    expect(told(events)).toMatchObject([{ type: 'origin-used' }]);
    expect(await run({ digest: digestOf(image) })).toMatchObject({ state: 'present' });
  });
});

function progressIn(events: readonly CopyEvent[]): object[] {
  return events.flatMap(({ task: _task, ...event }) => (event.type === 'origin-progress' ? [event] : []));
}

/** A daemon that pushes one layer, and says so again and again. */
function chatty(target: ScriptedRegistry): Held {
  return {
    faithful: false,
    push: async (_backup, tag, { onProgress }) => {
      onProgress?.({ layer: 'one', status: 'Preparing' });
      for (const bytes of [1, 2, 100])
        onProgress?.({ layer: 'one', status: 'Pushing', bytes, totalBytes: 100 });
      onProgress?.({ layer: 'one', status: 'Pushed' });
      await pushImage(repositoryAt(target.url, BACKUP), remade, tag);
    },
  };
}

describe('how far a daemon is', () => {
  test('with its push is told once for each status of a layer, and drawn as often as it says so', async () => {
    const drawn: LayerProgress[] = [];
    const { events, run } = await scene({
      source: GONE,
      watch: (progress) => drawn.push(progress),
      nodes: (to) => [new FakeOrigin({ name: 'docker', holds: () => chatty(to) })],
    });
    expect(await run()).toMatchObject({ state: 'copied', bytes: 100 });
    const status = { type: 'origin-progress', origin: 'docker', layer: 'one' };
    expect(progressIn(events)).toEqual([
      { ...status, status: 'Preparing' },
      { ...status, status: 'Pushing', bytes: 100 },
      { ...status, status: 'Pushed' },
    ]);
    expect(drawn.map(({ task, ...progress }) => ({ ...progress, tag: task.source.tag }))).toEqual(
      [1, 2, 100].map((bytes) => ({ origin: 'docker', layer: 'one', bytes, totalBytes: 100, tag: 'v1' })),
    );
  });

  test('with a pull is told as well', async () => {
    const node = new FakeOrigin({
      name: 'containerd',
      pull: async (_source, { onProgress }) => {
        for (const bytes of [0, 7])
          onProgress?.({ layer: 'one', status: 'downloading', bytes, totalBytes: 7 });
        onProgress?.({ layer: 'one', status: 'complete', bytes: 7, totalBytes: 7 });
      },
    });
    const drawn: LayerProgress[] = [];
    const { events, run } = await scene({
      source: GONE,
      watch: (progress) => drawn.push(progress),
      nodes: () => [node],
      pullsFirst: true,
    });
    await run();
    const layer = { type: 'origin-progress', origin: 'containerd', layer: 'one', bytes: 7 };
    expect(progressIn(events)).toEqual([
      { ...layer, status: 'downloading' },
      { ...layer, status: 'complete' },
    ]);
    expect(drawn.map(({ bytes }) => bytes)).toEqual([0, 7, 7]);
  });

  test('is not told of what our engine copies: its own blobs are, and drawn piece by piece', async () => {
    const node = await holding(image);
    const drawn: LayerProgress[] = [];
    const { events, run } = await scene({
      source: GONE,
      watch: (progress) => drawn.push(progress),
      nodes: () => [node],
    });
    await run();
    expect(progressIn(events)).toEqual([]);
    const whole = drawn.filter(({ bytes, totalBytes }) => bytes === totalBytes).map(({ layer }) => layer);
    expect(whole.toSorted()).toEqual(image.blobs.map(({ descriptor }) => descriptor.digest).toSorted());
    expect(drawn.filter(({ origin }) => origin !== undefined)).toEqual([]);
  });
});

describe('a tag that is made of a digest', () => {
  test('and was given to other content is no copy', async () => {
    const { run, target } = await scene({
      source: { images: [{ repository: 'app', image }] },
      target: {
        images: [{ repository: BACKUP, tag: digestTagOf(digestOf(image)), image: remade }],
      },
    });
    expect(await run({ digest: digestOf(image) })).toMatchObject({
      state: 'copied',
      digest: digestOf(image),
    });
    expect(target.manifest(BACKUP, digestTagOf(digestOf(image)))).toEqual(image.content.bytes);
  });
});

describe('a daemon that the settings prefer', () => {
  test('pulls, and gives what it pulled', async () => {
    const node = await pulling(async () => undefined);
    const { events, run } = await scene({ source: GONE, nodes: () => [node], pullsFirst: true });
    expect(await run({ digest: digestOf(image) })).toMatchObject({
      state: 'copied',
      digest: digestOf(image),
    });
    expect(told(events)).toEqual([
      { type: 'origin-pulled', origin: 'docker', durationMs: 0 },
      { type: 'origin-used', origin: 'docker' },
    ]);
    expect(node.calls.map((call) => call.split(' ')[0])).toEqual(['pull', 'find', 'close']);
  });

  test('that cannot pull is told of, and the registry is asked', async () => {
    const node = await pulling(() => Promise.reject(new Error('i/o timeout')));
    const { events, run } = await scene({
      nodes: () => [node],
      pullsFirst: true,
      source: { images: [{ repository: 'app', tag: 'v1', image: remade }] },
    });
    expect(await run()).toMatchObject({ state: 'copied', digest: digestOf(remade) });
    expect(told(events)).toMatchObject([{ type: 'origin-failed', error: { message: 'i/o timeout' } }]);
  });

  test('pulls nothing that has a copy', async () => {
    const node = await pulling(async () => undefined);
    const { run } = await scene({
      nodes: () => [node],
      pullsFirst: true,
      target: { images: [{ repository: BACKUP, tag: 'v1', image }] },
    });
    expect(await run()).toMatchObject({ state: 'present' });
    expect(node.calls).toEqual([]);
  });

  test('is no reason to wait: one that cannot pull at all is passed over', async () => {
    const node = await holding(image);
    const { events, run } = await scene({ source: GONE, nodes: () => [node], pullsFirst: true });
    expect(await run()).toMatchObject({ state: 'copied' });
    expect(told(events)).toMatchObject([{ type: 'origin-used', why: expect.any(Error) }]);
  });

  test('gets the credentials of the source', async () => {
    const given: unknown[] = [];
    const node = new FakeOrigin({ pull: async (_source, { credential }) => void given.push(credential) });
    const asked: [string, Reference][] = [];
    const { run } = await scene({
      source: GONE,
      origins: {
        all: [node],
        first: node,
        credentialFor: async (side, reference) => {
          asked.push([side, reference]);
          return SECRET;
        },
      },
    });
    await run();
    expect(given).toEqual([SECRET]);
    expect(asked).toMatchObject([['source', { path: 'app', tag: 'v1' }]]);
  });
});
