import { afterEach, describe, expect, test, vi } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { type CopierStageOptions, copierOn, taskBetween } from '../../test/fakes/copying.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { makeImage } from '../../test/images/image.ts';
import type { Copier } from './copier.ts';
import type { CopyEvent } from './event.ts';
import type { CopyTask } from './outcome.ts';

const stage = useStage();
afterEach(() => vi.useRealTimers());

const image = await makeImage();
const digest = image.content.descriptor.digest;
const { mediaType, size } = image.content.descriptor;
const signature = await makeImage({
  artifactType: 'application/vnd.example.signature',
  subject: { mediaType, digest, size },
});

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly copier: Copier;
  readonly events: CopyEvent[];
  readonly task: (tag?: string) => CopyTask;
}

async function scene(
  options: CopierStageOptions & { source?: RegistryOptions; target?: RegistryOptions } = {},
): Promise<Scene> {
  const { source = {}, target = {}, ...rest } = options;
  const images = ['v1', 'v2'].map((tag) => ({ repository: 'app', tag, image }));
  const from = await stage.registry({ images, ...source });
  const to = await stage.registry(target);
  const events: CopyEvent[] = [];
  const copier = copierOn(stage, { observe: (event) => events.push(event), ...rest });
  return {
    source: from,
    target: to,
    copier,
    events,
    task: (tag = 'v1') => taskBetween(from, to, { path: 'app', tag }),
  };
}

/** Holds every blob of the source until `release` is called. */
async function held(options: CopierStageOptions = {}): Promise<Scene & { release: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const made = await scene({
    ...options,
    source: {
      images: ['v1', 'v2'].map((tag) => ({ repository: 'app', tag, image })),
      faults: [{ path: /blobs/, wait: promise }],
    },
  });
  return { ...made, release: resolve };
}

describe('copies of the same image', () => {
  test('run once, whoever asks and however often', async () => {
    const { source, copier, task } = await scene();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => copier.ensure(task(), never)));
    expect(outcomes.map(({ state }) => state)).toEqual(outcomes.map(() => 'copied'));
    expect(source.requests('GET', /manifests/)).toHaveLength(1);
    expect(copier.inProgress).toBe(0);
  });

  test('under different names run side by side', async () => {
    const { source, copier, task, release } = await held();
    const running = [copier.ensure(task('v1'), never), copier.ensure(task('v2'), never)];
    await source.seen('GET', /manifests/, 2);
    expect(copier.inProgress).toBe(2);
    release();
    expect((await Promise.all(running)).map(({ state }) => state)).toEqual(['copied', 'copied']);
  });
});

describe('copies of one source host beyond those that it may have at once', () => {
  test('wait for their turn: callers do not, and join them there', async () => {
    const { source, copier, events, task, release } = await held({ concurrencyPerHost: 1 });
    const first = copier.ensure(task('v1'), never);
    await source.seen('GET', /blobs/);
    expect(await copier.ensure(task('v2'), AbortSignal.timeout(1))).toEqual({ state: 'pending' });
    const joined = copier.ensure(task('v2'), never);
    await source.seen('GET', /manifests\/v2/);
    release();
    expect([(await first).state, (await joined).state]).toEqual(['copied', 'copied']);
    const steps = events.filter(({ type }) => type === 'started' || type === 'finished');
    expect(
      steps.map(
        ({
          type,
          task: {
            source: { tag },
          },
        }) => `${type} ${tag}`,
      ),
    ).toEqual(['started v1', 'finished v1', 'started v2', 'finished v2']);
    expect(source.requests('GET', /manifests\/v2/)).toHaveLength(1);
  });

  test('hold up nobody whose copy is there', async () => {
    const { source, target, copier, task, release } = await held({ concurrencyPerHost: 1 });
    const first = copier.ensure(task('v1'), never);
    await source.seen('GET', /blobs/);
    await target.seed({ repository: 'backup/app', tag: 'v2', image });
    expect(await copier.ensure(task('v2'), never)).toEqual({ state: 'present', digest });
    release();
    await first;
  });

  test('are given up while they wait, when everything is stopped', async () => {
    const { source, copier, task } = await held({ concurrencyPerHost: 1 });
    const outcomes = ['v1', 'v2'].map((tag) => copier.ensure(task(tag), never));
    await source.seen('GET', /blobs/);
    await copier.stop();
    const waited = { code: 'ABORTED', side: 'source', operation: 'wait for a turn at' };
    expect(await outcomes[1]).toMatchObject({ state: 'failed', error: waited });
    expect([(await outcomes[0])?.state, copier.inProgress]).toEqual(['failed', 0]);
  });
});

describe('a caller whose time runs out', () => {
  test('is told that it is pending; the copy goes on without it and is found by the next', async () => {
    const { source, target, copier, task, release } = await held();
    const stop = new AbortController();
    const first = copier.ensure(task(), stop.signal);
    await source.seen('GET', /blobs/);
    stop.abort();
    expect(await first).toEqual({ state: 'pending' });
    expect(copier.inProgress).toBe(1);
    release();
    await copier.settled();
    expect(target.manifest('backup/app', 'v1')).toEqual(image.content.bytes);
    expect(await copier.ensure(task(), never)).toEqual({ state: 'present', digest });
  });

  test('before it began has the copy begun all the same', async () => {
    const { target, copier, task } = await scene();
    expect(await copier.ensure(task(), AbortSignal.abort())).toEqual({ state: 'pending' });
    await copier.settled();
    expect(target.tags('backup/app')).toEqual(['v1']);
  });

  test('joins a copy that runs already', async () => {
    const { source, copier, task, release } = await held();
    const first = copier.ensure(task(), AbortSignal.abort());
    await source.seen('GET', /blobs/);
    const second = copier.ensure(task(), never);
    release();
    expect([await first, (await second).state]).toEqual([{ state: 'pending' }, 'copied']);
  });
});

describe('a copy that takes too long', () => {
  test('is given up, with no upload left open', async () => {
    const { target, copier, task, events } = await held({ timeoutMs: 200 });
    expect(await copier.ensure(task(), never)).toMatchObject({ state: 'failed', error: { code: 'ABORTED' } });
    expect([target.openUploads(), events.at(-1)?.type]).toEqual([0, 'failed']);
  });
});

describe('stopping', () => {
  test('breaks off what runs and gives uploads back', async () => {
    const { source, target, copier, task } = await held();
    const outcome = copier.ensure(task(), never);
    await source.seen('GET', /blobs/, 2);
    await copier.stop();
    // By now, and not once somebody has waited for the outcome.
    expect([target.openUploads(), copier.inProgress]).toEqual([0, 0]);
    expect(await outcome).toMatchObject({ state: 'failed', error: { code: 'ABORTED' } });
  });

  test('with nothing to do is done at once', async () => {
    await expect((await scene()).copier.stop()).resolves.toBeUndefined();
  });
});

describe('a copy that was confirmed', () => {
  test('is not asked for again for a while, and then is', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { target, copier, task } = await scene({ freshMs: 60_000 });
    await copier.ensure(task(), never);
    const before = target.requests().length;
    expect(await copier.ensure(task(), never)).toEqual({ state: 'present', digest });
    expect(target.requests()).toHaveLength(before);
    vi.advanceTimersByTime(60_000);
    await copier.ensure(task(), never);
    expect(target.requests()).toHaveLength(before + 1);
  });

  test('is asked for again at once by who wants the newest, and the source with it', async () => {
    const { source, target, copier, task } = await scene({ freshMs: 60_000 });
    await copier.ensure(task(), never);
    const [asked, looked] = [source.requests().length, target.requests().length];
    expect(await copier.ensure({ ...task(), newest: true }, never)).toEqual({ state: 'present', digest });
    expect([source.requests().length - asked, target.requests().length - looked]).toEqual([1, 1]);
  });

  test('serves who wants the newest, too, where the source is silent', async () => {
    const { source, copier, task, events } = await scene({ freshMs: 60_000, sourceCheckMs: 1 });
    await copier.ensure(task(), never);
    source.play({ path: /./, wait: new Promise(() => undefined) });
    expect(await copier.ensure({ ...task(), newest: true }, never)).toEqual({ state: 'present', digest });
    expect(events.at(-1)?.type).toBe('source-unavailable');
  });

  test('is enough for who wants the newest where copies are kept', async () => {
    const { source, target, copier, task } = await scene({ freshMs: 60_000, moved: 'keep' });
    await copier.ensure(task(), never);
    const before = [source.requests().length, target.requests().length];
    await copier.ensure({ ...task(), newest: true }, never);
    expect([source.requests().length, target.requests().length]).toEqual(before);
  });

  test('tells everybody that its source has moved, not only who asked first', async () => {
    const { source, copier, task, events } = await scene({ freshMs: 60_000, moved: 'warn' });
    await copier.ensure(task(), never);
    await source.seed({ repository: 'app', tag: 'v1', image: signature });
    const moved = { state: 'present', digest, moved: signature.content.descriptor.digest };
    expect(await copier.ensure({ ...task(), newest: true }, never)).toEqual(moved);
    expect(await copier.ensure(task(), never)).toEqual(moved);
    expect(events.filter(({ type }) => type === 'moved')).toHaveLength(1);
  });

  test.each([
    ['the backup registry is lost', { path: /v2$/, answer: answer(503) }, 1],
    ['the backup registry takes no password any more', { path: /v2$/, answer: answer(401) }, 1],
    ['it denies another image', { path: /manifests\/v2$/, answer: refusal(403, 'DENIED') }, 0],
  ])('is asked for again when %s: so many requests', async (_name, fault, asked) => {
    const { target, copier, task } = await scene({ freshMs: 60_000 });
    await copier.ensure(task('v1'), never);
    target.play(fault);
    expect((await copier.ensure(task('v2'), never)).state).toBe('failed');
    const before = target.requests('HEAD', /v1/).length;
    expect((await copier.ensure(task('v1'), never)).state).toBe('present');
    expect(target.requests('HEAD', /v1/).length - before).toBe(asked);
  });

  test('is not asked for again because some source has failed', async () => {
    const { source, target, copier, task } = await scene({ freshMs: 60_000 });
    await copier.ensure(task('v1'), never);
    source.play({ path: /v2$/, answer: answer(404) });
    expect((await copier.ensure(task('v2'), never)).state).toBe('failed');
    await copier.ensure(task('v1'), never);
    expect(target.requests('HEAD', /v1/)).toHaveLength(1);
  });
});

describe('asking alone', () => {
  test('starts nothing and says what is there', async () => {
    const { source, target, copier, task } = await scene();
    expect(await copier.find(task(), never)).toBeUndefined();
    await target.seed({ repository: 'backup/app', tag: 'v1', image });
    expect(await copier.find(task(), never)).toEqual({ digest: image.content.descriptor.digest });
    expect([source.requests().length, target.requests().map(({ method }) => method)]).toEqual([
      0,
      ['HEAD', 'HEAD'],
    ]);
  });

  test('takes a fault for absent', async () => {
    const { copier, task } = await scene({ target: { faults: [{ path: /./, answer: answer(500) }] } });
    expect(await copier.find(task(), never)).toBeUndefined();
  });
});

describe('what refers to an image', () => {
  const withSignature = {
    images: [image, signature].map((made, number) => ({
      repository: 'app',
      image: made,
      ...(number === 0 && { tag: 'v1' }),
    })),
  };

  test('follows it, off the critical path', async () => {
    const { promise: found, resolve } = Promise.withResolvers<void>();
    const { target, copier, task } = await scene({
      referrers: true,
      source: { ...withSignature, faults: [{ path: /referrers/, wait: found }] },
    });
    expect((await copier.ensure(task(), never)).state).toBe('copied');
    expect(target.manifest('backup/app', signature.content.descriptor.digest)).toBeUndefined();
    resolve();
    await copier.settled();
    expect(target.manifest('backup/app', signature.content.descriptor.digest)).toEqual(
      signature.content.bytes,
    );
  });

  test('stays where it is unless that is wanted', async () => {
    const { source, copier, task } = await scene({ source: withSignature });
    await copier.ensure(task(), never);
    await copier.settled();
    expect(source.requests('GET', /referrers/)).toEqual([]);
  });

  test('that cannot be copied is told of, and the image is there', async () => {
    const { copier, task, events } = await scene({
      referrers: true,
      source: { ...withSignature, faults: [{ path: /referrers/, answer: refusal(403, 'DENIED') }] },
    });
    expect((await copier.ensure(task(), never)).state).toBe('copied');
    await copier.settled();
    expect(events.at(-1)).toMatchObject({
      type: 'referrers-failed',
      error: { operation: 'list referrers of' },
    });
  });
});
