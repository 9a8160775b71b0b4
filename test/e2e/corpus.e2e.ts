import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copySample, heldBy, pathOf, type Side } from '../corpus/copy.ts';
import { CORPUS, FOREIGN, LONG_DIGESTS, type Sample } from '../corpus/corpus.ts';
import { lackingOf } from '../corpus/held.ts';
import { seed } from '../corpus/seed.ts';
import { startEmbedded } from '../fakes/embedded.ts';
import { useStage } from '../fakes/stage.ts';
import { repositoryAt } from '../images/push.ts';
import { canRun, isThere } from './harness/need.ts';
import { RegistryServer } from './harness/registry-server.ts';
import { startZot } from './harness/zot-server.ts';

// Every kind of data that registries hold, copied from each real registry into each, with all that refers to it.

const stage = useStage();

interface Running extends Side {
  readonly close: () => Promise<void>;
}

async function served(part: 'docker-registry' | 'distribution'): Promise<Running> {
  const server = await RegistryServer.start({ part });
  return { host: server.host, url: server.url, lists: false, close: () => server.close() };
}

async function embedded(): Promise<Running> {
  const registry = await startEmbedded();
  const { host, origin: url } = new URL(registry.url);
  return { host, url, lists: true, close: () => registry.close() };
}

const REGISTRIES = {
  'docker-registry': () => served('docker-registry'),
  distribution: () => served('distribution'),
  embedded,
};

async function zot(): Promise<Running> {
  return { ...(await startZot()), lists: true };
}

const PAIRS = Object.entries(REGISTRIES).flatMap(([from, openSource]) =>
  Object.entries(REGISTRIES).map(([to, openTarget]) => ({ from, to, openSource, openTarget })),
);

// No package manager offers zot, so its tests run where somebody has put it, and are asked of nobody.
const ZOT_PAIRS = isThere('zot')
  ? Object.entries(REGISTRIES).flatMap(([name, open]) => [
      { from: 'zot', to: name, openSource: zot, openTarget: open },
      { from: name, to: 'zot', openSource: open, openTarget: zot },
    ])
  : [];

describe.runIf(canRun('docker-registry', 'distribution'))('every kind of data', () => {
  describe.each([...PAIRS, ...ZOT_PAIRS])('from $from into $to', ({ openSource, openTarget }) => {
    let source: Running;
    let target: Running;
    beforeAll(async () => {
      [source, target] = await Promise.all([openSource(), openTarget()]);
    });
    afterAll(() => Promise.all([source.close(), target.close()]));

    it.each(named(CORPUS))('%s', async (_kind, sample) => {
      await seed(repositoryAt(source.url, pathOf(sample)), sample, source.lists);
      expect(await copySample(stage, sample, source, target)).toMatchObject({
        outcome: { state: 'copied', digest: sample.image.content.descriptor.digest },
        faults: [],
      });
      expect(await lackingOf(heldBy(target, sample), sample)).toEqual([]);
    });
  });

  describe.each(['docker-registry', 'distribution'] as const)('that %s does not take', (part) => {
    let source: Running;
    let target: Running;
    beforeAll(async () => {
      [source, target] = await Promise.all([embedded(), served(part)]);
    });
    afterAll(() => Promise.all([source.close(), target.close()]));

    it.each(named([...LONG_DIGESTS, FOREIGN]))(
      'is refused in words that tell why: %s',
      async (_kind, sample) => {
        await seed(repositoryAt(source.url, pathOf(sample)), sample, source.lists);
        const { outcome, faults } = await copySample(stage, sample, source, target);
        const operation = expect.stringMatching(/^push manifest/);
        expect(outcome).toMatchObject({ state: 'failed', error: { side: 'target', operation } });
        expect(faults).toEqual([
          expect.stringMatching(/DIGEST_INVALID|foreign layers the target must allow/),
        ]);
      },
    );
  });
});

function named(samples: readonly Sample[]): (readonly [string, Sample])[] {
  return samples.map((sample) => [sample.kind, sample] as const);
}
