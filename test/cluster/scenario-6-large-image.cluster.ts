import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, it, vi } from 'vitest';
import { makeRunnable, makeShellLayer } from './image.ts';
import { onCluster } from './stage.ts';
import { type Usage, usageOf } from './usage.ts';
import { workload } from './workload.ts';

const APP = 'team/large:1';
const MIB = 1024 ** 2;
/** 2 GB in the layers that such images have: a few large ones. */
const LAYERS = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => ({ size: 256 * MIB, seed }));
/** Besides them the shell, and the image's configuration. */
const BLOBS = LAYERS.length + 2;
const SHOPS = [1, 2, 3, 4, 5];
/** Two gigabytes through two registries and a node on one disk. */
const COPIED = { timeout: 280_000, interval: 2000 };
/** Half of what a pod may take: it would be far more if layers were kept. */
const STEADY_MIB = 256;

onCluster('6. A large image, wanted by many at once', (stage) => {
  const namespaces: string[] = [];
  const seen: Usage[] = [];

  beforeAll(async () => {
    for (const number of SHOPS) namespaces.push(await stage.namespace(`scenario-6-${number}`));
    await stage.push(APP, await makeRunnable(await makeShellLayer('large'), LAYERS));
  });

  /** Samples the memory until the work is done. */
  async function watching(work: Promise<void>): Promise<void> {
    const state = { isDone: false };
    const done = work.finally(() => {
      state.isDone = true;
    });
    while (!state.isDone) {
      seen.push(...(await usageOf((...args) => stage.kubectl(...args))));
      await Promise.race([done, delay(2000)]);
    }
    await done;
  }

  /** Of both pods while they were watched. */
  function cpuSeconds(): number {
    const pods = [...new Set(seen.map(({ pod }) => pod))];
    return pods.reduce((sum, name) => {
      const values = seen.filter(({ pod }) => pod === name).map((usage) => usage.cpuSeconds);
      return sum + Math.max(...values) - Math.min(...values);
    }, 0);
  }

  async function copied(): Promise<void> {
    const object = workload({ name: 'large', image: stage.source(APP), replicas: 3 });
    const created = await Promise.all(namespaces.map((namespace) => stage.apply(namespace, object)));
    expect(created.map(({ code }) => code)).toEqual(SHOPS.map(() => 0));
    const digest = await stage.site.public.digestOf(APP);
    await vi.waitFor(
      async () => expect(await stage.site.backup.digestOf(stage.copyIn(APP))).toBe(digest),
      COPIED,
    );
  }

  it('is copied once, by one of the pods that were asked, in steady memory', async () => {
    const before = stage.site.backup.requests().length;
    await watching(copied());
    const pods = await stage.clonerPods();
    const logs = await Promise.all(pods.map((pod) => stage.clonerLog(pod)));
    const pulls = logs.map((log) => linesAbout(log, 'Pulling image').length);
    expect(pulls.filter((count) => count > 0)).toEqual([1]);
    const uploads = stage.site.backup.requests().slice(before);
    const layers = uploads.filter(
      ({ method, path, status }) => method === 'PUT' && status === 201 && path.includes('/blobs/'),
    );
    expect(layers).toHaveLength(BLOBS);
    const peaks = seen.map(({ rssMib }) => rssMib);
    console.log(`Most memory (RSS): ${Math.max(...peaks).toFixed(0)} MiB, CPU: ${cpuSeconds().toFixed(1)} s`);
    expect(Math.max(...peaks)).toBeLessThan(STEADY_MIB);
  });

  it('the logs show its progress', async () => {
    const logs = await Promise.all((await stage.clonerPods()).map((pod) => stage.clonerLog(pod)));
    const [log = ''] = logs.filter((text) => linesAbout(text, 'Image pushed').length > 0);
    expect(linesAbout(log, 'Layer done').length).toBeGreaterThanOrEqual(LAYERS.length);
  });

  it('every replica runs, and the next workload gets the copy', async () => {
    for (const namespace of namespaces) await stage.rolledOut(namespace, 'deployment/large');
    const [namespace = ''] = namespaces;
    await stage.apply(namespace, workload({ name: 'next', image: stage.source(APP) }));
    expect(await stage.imageOf(namespace, 'deployment/next')).toBe(stage.copyOf(APP));
    await stage.rolledOut(namespace, 'deployment/next');
  });
});

function linesAbout(log: string, message: string): readonly string[] {
  return log.split('\n').filter((line) => line.includes(`"msg":"${message}"`) && line.includes('team/large'));
}
