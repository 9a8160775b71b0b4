import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Created, Proxy } from './proxy.ts';
import { onCluster, SOON } from './stage.ts';
import { workload } from './workload.ts';

const APP = 'team/stream:1';
const NAME = 'app.kubernetes.io/name=image-cloner';
/** Creates a second: several for each connection that a pod on its way out may still hold. */
const EVERY_MS = 100;

onCluster('4. image-cloner is updated under a steady stream of creates', (stage) => {
  let namespace: string;
  let proxy: Proxy;

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-4');
    await stage.publish(APP);
    proxy = await Proxy.start(stage.site.kubeconfig);
    await stage.rolledOut('image-cloner', 'deployment/image-cloner');
  });

  afterAll(() => proxy.stop());

  function create(number: number): Promise<Created> {
    const name = `stream-${number}`;
    return proxy.create(namespace, name, workload({ name, image: stage.source(APP), replicas: 0 }));
  }

  /** Creates at a steady pace, however long each takes, until the work is done. */
  async function createDuring(work: Promise<void>): Promise<readonly Created[]> {
    const creates: Promise<Created>[] = [];
    const state = { isDone: false };
    const done = work.finally(() => {
      state.isDone = true;
    });
    for (let number = 1; !state.isDone; number += 1) {
      creates.push(create(number));
      await delay(EVERY_MS);
    }
    await done;
    return Promise.all(creates);
  }

  async function restart(): Promise<void> {
    await stage.kubectl('rollout', 'restart', '--namespace', 'image-cloner', 'deployment/image-cloner');
    await stage.rolledOut('image-cloner', 'deployment/image-cloner');
    // Until the old pods have left, too.
    await vi.waitFor(async () => {
      const pods = await stage.kubectl(
        'get',
        'pods',
        '--namespace',
        'image-cloner',
        '--selector',
        NAME,
        '--output',
        'name',
      );
      expect(pods.trim().split('\n')).toHaveLength(2);
    }, SOON);
  }

  it('no create fails, and none is missed', async () => {
    const created = await createDuring(restart());
    expect(created.length).toBeGreaterThan(20);
    expect(created.filter(({ status }) => status !== 201)).toEqual([]);
    expect(created.filter(({ image }) => image !== stage.copyOf(APP))).toEqual([]);
  });
});
