import { describe, expect, test } from 'vitest';
import { refusal } from '../../test/fakes/answer.ts';
import { graphCopy } from '../../test/fakes/copying.ts';
import { absentAs } from '../../test/fakes/edit.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { useStage } from '../../test/fakes/stage.ts';
import { makeImage, makeIndex } from '../../test/images/image.ts';
import { type Copied, copyReference, type ReferenceCopy } from './copy-reference.ts';

const stage = useStage();
const amd = await makeImage();
const arm = await makeImage({ platform: { os: 'linux', architecture: 'arm64' } });
const index = makeIndex([amd, arm]);

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly run: (options?: Partial<ReferenceCopy>) => Promise<Copied>;
}

async function scene(target: RegistryOptions = {}): Promise<Scene> {
  const [from, to] = [
    await stage.registry({ images: [{ repository: 'app', tag: 'v1', image: index }] }),
    await stage.registry(target),
  ];
  const copy = graphCopy(stage.repository(from, 'app'), stage.repository(to, 'app'));
  return {
    source: from,
    target: to,
    run: (options = {}) =>
      copyReference({ ...copy, sourceIdentifier: 'v1', targetIdentifier: 'v1', platforms: [], ...options }),
  };
}

describe('a copy by name', () => {
  test('is there afterwards under that name', async () => {
    const { target, run } = await scene();
    expect(await run()).toMatchObject({
      content: { descriptor: { digest: index.content.descriptor.digest } },
      present: false,
    });
    expect(target.manifest('app', 'v1')).toEqual(index.content.bytes);
  });

  test('without a name is there by its digest', async () => {
    const { source, target } = await scene();
    const copy = graphCopy(stage.repository(source, 'app'), stage.repository(target, 'app'));
    await copyReference({ ...copy, sourceIdentifier: 'v1', platforms: [] });
    expect([target.tags('app'), target.manifest('app', index.content.descriptor.digest)]).toEqual([
      [],
      index.content.bytes,
    ]);
  });

  test('takes the name over from whatever had it', async () => {
    const { target, run } = await scene({ images: [{ repository: 'app', tag: 'v1', image: amd }] });
    expect((await run()).present).toBe(false);
    expect(target.manifest('app', 'v1')).toEqual(index.content.bytes);
  });

  test('that is there already costs one request on each side', async () => {
    const { source, target, run } = await scene({ images: [{ repository: 'app', tag: 'v1', image: index }] });
    expect(await run()).toMatchObject({
      present: true,
      bytes: 0,
      blobs: { pushed: 0, mounted: 0, present: 0 },
    });
    expect([source.requests().length, target.requests().length]).toEqual([1, 1]);
  });

  test('of one platform has the digest of that child', async () => {
    const { target, run } = await scene();
    const { content } = await run({ platforms: [{ os: 'linux', architecture: 'arm64' }] });
    expect(content.descriptor.digest).toBe(arm.content.descriptor.digest);
    expect(target.manifest('app', 'v1')).toEqual(arm.content.bytes);
  });
});

describe('a copy that cannot be made', () => {
  test('because the source does not have it says so', async () => {
    const { run } = await scene();
    await expect(run({ sourceIdentifier: 'none' })).rejects.toMatchObject({
      side: 'source',
      code: 'NOT_FOUND',
      operation: 'read manifest',
    });
  });

  test('because the target cannot be asked says so', async () => {
    const { run } = await scene({ faults: [{ method: 'HEAD', path: /./, answer: refusal(500, 'UNKNOWN') }] });
    await expect(run()).rejects.toMatchObject({
      side: 'target',
      code: 'UNAVAILABLE',
      operation: 'look for the copy',
    });
  });

  test('is not one whose target says 403 for what is not there', async () => {
    const { target, run } = await scene({ faults: [{ method: 'HEAD', path: /./, edit: absentAs(403) }] });
    await run();
    expect(target.manifest('app', 'v1')).toEqual(index.content.bytes);
  });
});
