import { describe, expect, test } from 'vitest';
import { graphCopy } from '../../test/fakes/copying.ts';
import type { ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import { pushImage, repositoryAt } from '../../test/images/push.ts';
import { parsePlatform } from '../image/platform.ts';
import { parseReference } from '../image/reference.ts';
import { copyHeld, type HeldCopied, type HeldCopy } from './held-copy.ts';
import type { HeldContent } from './origin.ts';

const stage = useStage();

const amd64 = await makeImage();
const arm64 = await makeImage({
  platform: { os: 'linux', architecture: 'arm64' },
  layers: [{ size: 900, seed: 4 }],
});
const index = makeIndex([amd64, arm64]);
const { digest } = index.content.descriptor;
const COPY = 'backup/app';

/** What pushes of the origin bring into the backup; it may do so before it fails. */
type Push = (backup: ScriptedRegistry, tag: string) => Promise<void>;

interface Scene {
  readonly copied: Promise<HeldCopied>;
  readonly backup: ScriptedRegistry;
  /** Whatever was read from the origin. */
  readonly node: ScriptedRegistry;
}

function pushing(image: MadeImage): Push {
  return (backup, tag) => pushImage(repositoryAt(backup.url, COPY), image, tag);
}

/** An index whose content can be read, of an origin that pushes as well. */
async function scene(
  push: Push,
  how: Partial<HeldCopy & Pick<HeldContent, 'digest' | 'partial'>> = {},
): Promise<Scene> {
  const [node, backup] = [
    await stage.registry({ images: [{ repository: 'app', image: index }] }),
    await stage.registry(),
  ];
  const { partial, digest: held = digest, ...parts } = how;
  const [source, target] = [stage.repository(node, 'app'), stage.repository(backup, COPY)];
  const copied = copyHeld(
    {
      digest: held,
      source,
      faithful: true,
      ...(partial !== undefined && { partial }),
      push: (_backup, tag) => push(backup, tag),
    },
    {
      backup: parseReference(`${backup.host}/${COPY}:1`),
      target,
      signal: never,
      platforms: [],
      graphCopy: () => graphCopy(source, target),
      credential: async () => undefined,
      ...parts,
    },
    '1',
  );
  return { copied, backup, node };
}

describe('content that the origin can push as well', () => {
  test('is pushed by it, and not read', async () => {
    const { copied, backup, node } = await scene(pushing(index));
    await expect(copied).resolves.toMatchObject({ digest });
    expect(backup.manifest(COPY, '1')).toEqual(index.content.bytes);
    expect(backup.requests('HEAD', /manifests\/1/)).toHaveLength(1);
    expect(node.requests()).toEqual([]);
  });

  test('is pushed by it where it is a part of an index', async () => {
    const only = amd64.content.descriptor.digest;
    const how = { digest: only, partial: { index: digest }, platforms: [parsePlatform('linux/amd64')] };
    const { copied, node } = await scene(pushing(amd64), how);
    await expect(copied).resolves.toMatchObject({ digest: only });
    expect(node.requests()).toEqual([]);
  });

  test.each<[string, Push]>([
    ['cannot', () => Promise.reject(new Error('x509'))],
    ['says that it did, and did not', async () => {}],
    ['pushed something else', pushing(arm64)],
    [
      'broke off behind something else',
      async (backup, tag) => {
        await pushing(arm64)(backup, tag);
        throw new Error('cut');
      },
    ],
  ])('is read where it %s', async (_, push) => {
    const { copied, backup } = await scene(push);
    await expect(copied).resolves.toMatchObject({ digest, content: { bytes: index.content.bytes } });
    expect(backup.manifest(COPY, '1')).toEqual(index.content.bytes);
    for (const { blobs } of [amd64, arm64])
      for (const { descriptor } of blobs) expect(backup.blob(COPY, descriptor.digest)).toBeDefined();
  });

  test('is read where it is more than what is wanted', async () => {
    const pushes: string[] = [];
    const how = { platforms: [parsePlatform('linux/arm64')] };
    const { copied, backup } = await scene(async (_, tag) => void pushes.push(tag), how);
    expect((await copied).digest).not.toBe(digest);
    expect(pushes).toEqual([]);
    expect(backup.blob(COPY, arm64.blobs[0]?.descriptor.digest ?? '')).toBeDefined();
  });

  test('is not read when it was stopped', async () => {
    const stopping = new AbortController();
    async function stopped(): Promise<void> {
      stopping.abort();
      throw new Error('stopped');
    }
    const { copied, node } = await scene(stopped, { signal: stopping.signal });
    await expect(copied).rejects.toMatchObject({ side: 'source', cause: { message: 'stopped' } });
    expect(node.requests()).toEqual([]);
  });
});
