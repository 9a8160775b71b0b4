import { describe, expect, test } from 'vitest';
import { refusal } from '../../test/fakes/answer.ts';
import { type CopierStageOptions, copierOn } from '../../test/fakes/copying.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { makeImage } from '../../test/images/image.ts';
import { digestTagOf } from '../image/reference.ts';
import type { Copier } from './copier.ts';
import type { CopyTask } from './outcome.ts';

const stage = useStage();

const ours = await makeImage();
const theirs = await makeImage({ layers: [{ size: 500, seed: 2 }] });
const newer = await makeImage({ layers: [{ size: 600, seed: 3 }] });
const [digest, theirDigest, newerDigest] = [ours, theirs, newer].map(
  (made) => made.content.descriptor.digest,
);
if (digest === undefined || theirDigest === undefined || newerDigest === undefined)
  throw new Error('Cannot test: wanted digests');

/** Where both sources are copied to. */
const SHARED = 'backup/app';

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  /** As after a restart: nothing is remembered. */
  readonly copier: () => Copier;
  readonly task: (path: string, name?: Partial<CopyTask['source']>) => CopyTask;
}

/** `ours/app` and `theirs/app` at the source. */
async function scene(
  options: CopierStageOptions & { source?: RegistryOptions; target?: RegistryOptions } = {},
): Promise<Scene> {
  const { source = {}, target = {}, ...rest } = options;
  const images = [
    { repository: 'ours/app', tag: 'v1', image: ours },
    { repository: 'theirs/app', tag: 'v1', image: theirs },
    { repository: 'twin/app', tag: 'v1', image: ours },
  ];
  const from = await stage.registry({ images, ...source });
  const to = await stage.registry(target);
  return {
    source: from,
    target: to,
    copier: () => copierOn(stage, rest),
    task: (path, name = { tag: 'v1' }) => ({
      source: { host: from.host, path, ...name },
      backup: { host: to.host, path: SHARED, ...name },
      shared: true,
    }),
  };
}

const TAKEN = { state: 'failed', error: { code: 'NAME_TAKEN', side: 'target' } };

function claims(target: ScriptedRegistry): readonly string[] {
  return target.tags(SHARED).filter((tag) => /^source-[0-9a-f]{64}$/.test(tag));
}

describe('a name that two sources are given', () => {
  test('is the one of the first, also after a restart', async () => {
    const { target, copier, task } = await scene();
    const running = copier();
    expect(await running.ensure(task('ours/app'), never)).toMatchObject({ state: 'copied', digest });
    for (const asked of [running, copier()]) {
      expect(await asked.ensure(task('theirs/app'), never)).toMatchObject(TAKEN);
      expect(await asked.ensure(task('ours/app'), never)).toEqual({ state: 'present', digest });
    }
    expect(target.manifest(SHARED, 'v1')).toEqual(ours.content.bytes);
    expect(claims(target)).toHaveLength(1);
  });

  test('is the one of either, when both are copied at once, and of that alone', async () => {
    const { target, copier, task } = await scene();
    const running = copier();
    const outcomes = await Promise.all(
      ['theirs/app', 'ours/app'].map((path) => running.ensure(task(path), never)),
    );
    expect(outcomes.map(({ state }) => state).toSorted()).toEqual(['copied', 'failed']);
    const winner = outcomes[0]?.state === 'copied' ? theirs : ours;
    expect(target.manifest(SHARED, 'v1')).toEqual(winner.content.bytes);
  });

  test('is of both under tags that differ', async () => {
    const { source, copier, task } = await scene();
    await source.seed({ repository: 'theirs/app', tag: 'v2', image: theirs });
    const running = copier();
    await running.ensure(task('ours/app'), never);
    expect(await running.ensure(task('theirs/app', { tag: 'v2' }), never)).toMatchObject({ state: 'copied' });
  });

  test('is of both where they are the same image, until one of them moves', async () => {
    const { source, target, copier, task } = await scene();
    const running = copier();
    await running.ensure(task('ours/app'), never);
    expect(await running.ensure(task('twin/app'), never)).toEqual({ state: 'present', digest });
    await source.seed({ repository: 'ours/app', tag: 'v1', image: newer });
    expect(await running.ensure(task('ours/app'), never)).toMatchObject({ digest: newerDigest });
    expect(await running.ensure(task('twin/app'), never)).toMatchObject(TAKEN);
    expect(target.manifest(SHARED, digestTagOf(digest))).toEqual(ours.content.bytes);
  });

  test("is nobody's for a digest, which is what it is", async () => {
    const { target, copier, task } = await scene();
    const running = copier();
    for (const [path, pinned] of [
      ['ours/app', digest],
      ['theirs/app', theirDigest],
    ] as const)
      expect(await running.ensure(task(path, { tag: 'v1', digest: pinned }), never)).toMatchObject({
        state: 'copied',
        digest: pinned,
      });
    expect(target.tags(SHARED).toSorted()).toEqual([digest, theirDigest].map(digestTagOf).toSorted());
  });
});

describe('an image that nobody knows the source of', () => {
  const kept = { images: [{ repository: SHARED, tag: 'v1', image: ours }] };

  test('is taken for the copy where the source has the same, and stays it without the source', async () => {
    const { source, copier, task } = await scene({ target: kept });
    expect(await copier().ensure(task('ours/app'), never)).toEqual({ state: 'present', digest });
    source.play({ path: /./, answer: refusal(404, 'MANIFEST_UNKNOWN') });
    expect(await copier().ensure(task('ours/app'), never)).toEqual({ state: 'present', digest });
  });

  test('is neither used nor overwritten where the source has another', async () => {
    const { target, copier, task } = await scene({ target: kept });
    expect(await copier().ensure(task('theirs/app'), never)).toMatchObject(TAKEN);
    expect([target.manifest(SHARED, 'v1'), target.tags(SHARED)]).toEqual([ours.content.bytes, ['v1']]);
  });

  test('is not used where the source cannot be asked', async () => {
    const { source, copier, task } = await scene({ target: kept });
    source.play({ path: /./, answer: refusal(404, 'MANIFEST_UNKNOWN') });
    expect(await copier().ensure(task('ours/app'), never)).toMatchObject({ error: { side: 'source' } });
  });

  test('is not the copy for who only looks, either', async () => {
    const { copier, task } = await scene({ target: kept });
    const running = copier();
    expect(await running.find(task('ours/app'), never)).toBeUndefined();
    await running.ensure(task('ours/app'), never);
    expect(await running.find(task('ours/app'), never)).toEqual({ digest });
    expect(await running.find(task('theirs/app'), never)).toBeUndefined();
  });

  test('and that somebody put there meanwhile is not overwritten', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { source, target, copier, task } = await scene();
    source.play({ path: /blobs/, wait: promise });
    const copying = copier().ensure(task('ours/app'), never);
    await source.seen('GET', /blobs/);
    await target.seed({ repository: SHARED, tag: 'v1', image: theirs });
    resolve();
    expect(await copying).toMatchObject(TAKEN);
    expect(target.manifest(SHARED, 'v1')).toEqual(theirs.content.bytes);
  });
});

describe('a copy of a shared name', () => {
  test('that somebody overwrites by hand is not used any more', async () => {
    const { target, copier, task } = await scene();
    await copier().ensure(task('ours/app'), never);
    await target.seed({ repository: SHARED, tag: 'v1', image: theirs });
    expect(await copier().ensure(task('ours/app'), never)).toMatchObject(TAKEN);
  });

  test('that was written and not claimed any more is claimed the next time', async () => {
    const { target, copier, task } = await scene();
    target.play({
      method: 'PUT',
      path: /manifests\/source-/,
      nth: 1,
      answer: refusal(400, 'MANIFEST_INVALID'),
    });
    expect(await copier().ensure(task('ours/app'), never)).toMatchObject({ state: 'failed' });
    expect(await copier().ensure(task('ours/app'), never)).toEqual({ state: 'present', digest });
    expect(claims(target)).toHaveLength(1);
  });

  test('that is gone is made again', async () => {
    const { target, copier, task } = await scene();
    await copier().ensure(task('ours/app'), never);
    target.play({ method: 'HEAD', path: /manifests\/v1/, nth: 1, answer: refusal(404, 'MANIFEST_UNKNOWN') });
    expect(await copier().ensure(task('ours/app'), never)).toMatchObject({ state: 'copied', digest });
  });

  test('costs two requests at the backup registry and one at the source, when it is there', async () => {
    const { source, target, copier, task } = await scene();
    await copier().ensure(task('ours/app'), never);
    const [asked, looked] = [source.requests().length, target.requests().length];
    await copier().ensure(task('ours/app'), never);
    expect([source.requests().length - asked, target.requests().length - looked]).toEqual([1, 2]);
  });
});
