import { afterEach, describe, expect, test } from 'vitest';
import { copySample, heldBy, pathOf, type Side } from './corpus/copy.ts';
import { CORPUS, FOREIGN, LONG_DIGESTS, SPARSE } from './corpus/corpus.ts';
import { isTagged, lackingOf } from './corpus/held.ts';
import { seed } from './corpus/seed.ts';
import { startEmbedded } from './fakes/embedded.ts';
import { useStage } from './fakes/stage.ts';
import type { Traits } from './fakes/traits.ts';
import { repositoryAt } from './images/push.ts';

// Every kind of data that registries hold, copied between registries of every kind: each digest is compared, and what
// refers to it comes along. test/e2e/corpus.e2e.ts does the same with real registries.

const stage = useStage();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function scripted(traits: Partial<Traits> = {}): Promise<Side> {
  const { host } = await stage.registry({ traits });
  return { host, url: `http://${host}`, lists: traits.referrers !== false };
}

async function embedded(): Promise<Side> {
  const registry = await startEmbedded();
  closers.push(() => registry.close());
  return { host: new URL(registry.url).host, url: registry.url, lists: true };
}

const REGISTRIES: Readonly<Record<string, () => Promise<Side>>> = {
  'a registry like docker-registry': () => scripted({ referrers: false }),
  'a registry that lists referrers': () => scripted(),
  'the embedded registry': embedded,
};

const PAIRS = Object.entries(REGISTRIES).flatMap(([from, openSource]) =>
  Object.entries(REGISTRIES).map(([to, openTarget]) => [from, to, openSource, openTarget] as const),
);

describe.each(PAIRS)('from %s into %s', (_from, _to, openSource, openTarget) => {
  test.each([...CORPUS, ...LONG_DIGESTS].map((sample) => [sample.kind, sample] as const))(
    '%s',
    async (_kind, sample) => {
      const [source, target] = [await openSource(), await openTarget()];
      await seed(repositoryAt(source.url, pathOf(sample)), sample, source.lists);
      const { outcome, faults } = await copySample(stage, sample, source, target);
      expect({ outcome, faults }).toMatchObject({
        outcome: { state: 'copied', digest: sample.image.content.descriptor.digest },
        faults: [],
      });
      expect(await lackingOf(heldBy(target, sample), sample)).toEqual([]);
      const again = await copySample(stage, sample, source, target);
      expect(again).toMatchObject({ outcome: { state: 'present' }, faults: [] });
    },
  );
});

test('layers that stay elsewhere stay there, and are not asked for', async () => {
  const [source, target] = [await scripted(), await embedded()];
  await seed(repositoryAt(source.url, pathOf(FOREIGN)), FOREIGN, source.lists);
  expect(await copySample(stage, FOREIGN, source, target)).toMatchObject({
    outcome: { state: 'copied' },
    faults: [],
  });
  expect(await lackingOf(heldBy(target, FOREIGN), FOREIGN)).toEqual([]);
});

describe.each(SPARSE.map((sample) => [sample.kind, sample] as const))('%s', (_kind, sample) => {
  test('is not copied: the error names what the source lacks, and nothing gets the tag', async () => {
    const [source, target] = [await scripted({ checksReferences: false }), await embedded()];
    await seed(repositoryAt(source.url, pathOf(sample)), sample, source.lists);
    const { outcome } = await copySample(stage, sample, source, target);
    expect(outcome).toMatchObject({
      state: 'failed',
      error: { side: 'source', code: 'NOT_FOUND', digest: sample.missing },
    });
    expect(await isTagged(heldBy(target, sample), sample)).toBe(false);
  });
});
