import { beforeAll, expect, it, vi } from 'vitest';
import type { Created } from './proxy.ts';
import { commandBlocks } from './readme.ts';
import { onCluster } from './stage.ts';
import { createDuring } from './stream.ts';
import { workload } from './workload.ts';

const APP = 'team/certified:1';
const RELOADED = '"msg":"Certificate reloaded"';
/** A kubelet renews mounted Secrets once a minute, and may be late by another (`syncFrequency`). */
const RENEWED = { timeout: 200_000, interval: 1000 };

onCluster('7. Certificates are replaced', (stage) => {
  let namespace: string;
  let number = 0;

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-7');
    await stage.publish(APP);
    // With logs that begin now.
    await stage.restartCloner();
  });

  async function create(): Promise<Created> {
    const name = `certified-${(number += 1)}`;
    return (await stage.proxy()).create(
      namespace,
      name,
      workload({ name, image: stage.source(APP), replicas: 0 }),
    );
  }

  /** Runs a block of `docs/install.md`; done when every pod serves the new certificate. */
  async function replace(block: string): Promise<void> {
    const pods = await stage.clonerPods();
    const before = await Promise.all(pods.map(reloads));
    await stage.installation.done(block);
    await vi.waitFor(async () => {
      const after = await Promise.all(pods.map(reloads));
      expect(after).toEqual(before.map((count) => count + 1));
    }, RENEWED);
  }

  async function reloads(pod: string): Promise<number> {
    return (await stage.clonerLog(pod)).split(RELOADED).length - 1;
  }

  const [renewal = '', newAuthority = '', dropOld = ''] = commandBlocks('docs/install.md', 'Certificates');

  it.each([
    ['a new certificate', renewal],
    ['a new authority, which the API server trusts beside the old one', newAuthority],
    ['the old authority forgotten', dropOld],
  ])('%s: calls go on without a restart', async (_, block) => {
    const pods = await stage.clonerPods();
    const created = await createDuring(replace(block), create);
    expect(created.filter(({ status }) => status !== 201)).toEqual([]);
    expect(created.filter(({ image }) => image !== stage.copyOf(APP))).toEqual([]);
    expect(await stage.clonerPods()).toEqual(pods);
    expect(await create()).toMatchObject({ status: 201, image: stage.copyOf(APP) });
  });
});
