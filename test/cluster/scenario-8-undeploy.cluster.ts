import { beforeAll, expect, it } from 'vitest';
import { onCluster, type Pod } from './stage.ts';
import { workload } from './workload.ts';

const APP = 'team/stays:1';

onCluster('8. make undeploy', (stage) => {
  let namespace: string;
  let before: readonly Pod[];

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-8');
    await stage.publish(APP);
    await stage.apply(namespace, workload({ name: 'stays', image: stage.source(APP), replicas: 2 }));
    await stage.rolledOut(namespace, 'deployment/stays');
    before = await stage.pods(namespace, 'stays');
    await stage.installation.done('make undeploy');
  });

  it('leaves nothing of image-cloner in the cluster', async () => {
    const found = await stage.everything();
    expect(found).toContain('deployment.apps/stays');
    expect(found.filter((name) => name.includes('image-cloner'))).toEqual([]);
  });

  it('lets workloads run on, from their copies', async () => {
    expect(await stage.pods(namespace, 'stays')).toEqual(before);
    expect(before.map(({ isWell, image }) => ({ isWell, image }))).toEqual([
      { isWell: true, image: stage.copyOf(APP) },
      { isWell: true, image: stage.copyOf(APP) },
    ]);
  });

  it('leaves new workloads alone', async () => {
    const { code, stderr } = await stage.apply(
      namespace,
      workload({ name: 'new', image: stage.source(APP) }),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await stage.imageOf(namespace, 'deployment/new')).toBe(stage.source(APP));
    await stage.rolledOut(namespace, 'deployment/new');
  });
});
