import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { onCluster, SOON } from './stage.ts';
import { workload } from './workload.ts';

const APP = 'team/gone:1';

onCluster('2. The public image is gone', (stage) => {
  let namespace: string;

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-2');
    await stage.publish(APP);
    const before = workload({
      name: 'before',
      image: stage.source(APP),
      replicas: 2,
      isAskedFor: stage.site.node === undefined,
    });
    await stage.apply(namespace, before);
    await stage.rolledOut(namespace, 'deployment/before');
    await stage.site.public.stop();
  });

  afterAll(() => stage.site.public.start());

  /** Who cannot make a node forget can make it ask: see `before`. */
  async function forgetImage(): Promise<void> {
    const { node } = stage.site;
    if (node === undefined) return;
    await node.forget('team/gone');
    await vi.waitFor(
      async () => expect((await node.ctr('images', 'list', '--quiet')).stdout).not.toContain('team/gone'),
      SOON,
    );
  }

  async function wellPods(app: string, count: number): Promise<void> {
    await vi.waitFor(async () => {
      const pods = await stage.pods(namespace, app);
      expect(pods.map(({ isWell, image }) => ({ isWell, image }))).toEqual(
        Array.from({ length: count }, () => ({ isWell: true, image: stage.copyOf(APP) })),
      );
    }, SOON);
  }

  it('pods that are deleted come back, from the copy that the node has to pull again', async () => {
    await forgetImage();
    const asked = stage.site.backup.requests().length;
    const old = (await stage.pods(namespace, 'before')).map(({ uid }) => uid);
    await stage.kubectl('delete', 'pods', '--namespace', namespace, '--all');
    await wellPods('before', 2);
    const pods = await stage.pods(namespace, 'before');
    expect(pods.filter(({ uid }) => old.includes(uid))).toEqual([]);
    const since = stage.site.backup.requests().slice(asked);
    expect(since.some(({ path }) => path.includes('team/gone/manifests/1'))).toBe(true);
  });

  it('a Deployment is scaled up', async () => {
    await stage.kubectl('scale', '--namespace', namespace, 'deployment/before', '--replicas', '4');
    await expect(wellPods('before', 4)).resolves.toBeUndefined();
  });

  it('a new Deployment with the name of the public image runs', async () => {
    const { code, stderr } = await stage.apply(
      namespace,
      workload({ name: 'after', image: stage.source(APP) }),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Warning: ') });
    expect(await stage.imageOf(namespace, 'deployment/after')).toBe(stage.copyOf(APP));
    await wellPods('after', 1);
  });
});
