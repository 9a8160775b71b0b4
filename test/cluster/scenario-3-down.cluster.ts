import { beforeAll, expect, it, vi } from 'vitest';
import { onCluster, SOON } from './stage.ts';
import { workload } from './workload.ts';

const APP = 'team/down:1';
const OWN = ['--namespace', 'image-cloner', 'deployment/image-cloner'];
/** `timeoutSeconds` of the webhook, and the time that everything else may take. */
const WEBHOOK_TIMEOUT = '--request-timeout=20s';

onCluster('3. image-cloner is scaled to zero', (stage) => {
  let namespace: string;

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-3');
    await stage.publish(APP);
    await stage.kubectl('scale', ...OWN, '--replicas', '0');
    await vi.waitUntil(async () => (await stage.clonerPods()).length === 0, SOON);
  });

  it.each([1, 2, 3])(
    'Deployment %i is created within the webhook’s timeout, and runs from its source',
    async (number) => {
      const name = `without-${number}`;
      const { code, stderr } = await stage.apply(
        namespace,
        workload({ name, image: stage.source(APP) }),
        WEBHOOK_TIMEOUT,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(await stage.imageOf(namespace, `deployment/${name}`)).toBe(stage.source(APP));
      await stage.rolledOut(namespace, `deployment/${name}`);
    },
  );

  it('scaled up again, it copies the next one', async () => {
    await stage.kubectl('scale', ...OWN, '--replicas', '2');
    await stage.rolledOut('image-cloner', 'deployment/image-cloner');
    await stage.asksAbout(namespace);
    const { code, stderr } = await stage.apply(
      namespace,
      workload({ name: 'with', image: stage.source(APP) }),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Warning: ') });
    expect(await stage.imageOf(namespace, 'deployment/with')).toBe(stage.copyOf(APP));
    expect(await stage.site.backup.digestOf(stage.copyIn(APP))).toBe(await stage.site.public.digestOf(APP));
    await stage.rolledOut(namespace, 'deployment/with');
  });
});
