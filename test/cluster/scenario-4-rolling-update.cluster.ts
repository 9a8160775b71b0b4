import { beforeAll, expect, it, vi } from 'vitest';
import type { Created } from './proxy.ts';
import { onCluster, SOON } from './stage.ts';
import { createDuring } from './stream.ts';
import { workload } from './workload.ts';

const APP = 'team/stream:1';

onCluster('4. image-cloner is updated under a steady stream of creates', (stage) => {
  let namespace: string;

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-4');
    await stage.publish(APP);
    await stage.rolledOut('image-cloner', 'deployment/image-cloner');
    // What the stream is about is who answers, not how long the first copy takes.
    let number = 0;
    await vi.waitUntil(async () => (await create((number -= 1))).image === stage.copyOf(APP), SOON);
  });

  async function create(number: number): Promise<Created> {
    const name = `stream-${number}`;
    return (await stage.proxy()).create(
      namespace,
      name,
      workload({ name, image: stage.source(APP), replicas: 0 }),
    );
  }

  it('no create fails, and none is missed', async () => {
    const created = await createDuring(stage.restartCloner(), create);
    expect(created.length).toBeGreaterThan(20);
    expect(created.filter(({ status }) => status !== 201)).toEqual([]);
    expect(created.filter(({ image }) => image !== stage.copyOf(APP))).toEqual([]);
  });
});
