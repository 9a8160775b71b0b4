import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { IN_CLUSTER_REGISTRY } from './cluster.ts';
import { onCluster, SOON, type Stage } from './stage.ts';
import { workload } from './workload.ts';

const APP = 'team/rebooted:1';
const NOT_OURS = 'the node of an existing cluster is not ours to switch off';
const OWN = ['--namespace', 'image-cloner'];

onCluster('9. The node reboots', (stage) => {
  let namespace: string;
  let copy: string;

  beforeAll(async () => {
    if (stage.site.node === undefined) return;
    namespace = await stage.namespace('scenario-9');
    await stage.publish(APP);
    await stage.kubectl('create', 'namespace', 'backup-registry');
    await stage.apply('backup-registry', await backupRegistry(stage));
    await stage.rolledOut('backup-registry', 'deployment/registry');
    await copyTo(`${IN_CLUSTER_REGISTRY}/backup`);
    copy = stage.copyOf(APP).replace(stage.site.backup.host, IN_CLUSTER_REGISTRY);
  });

  afterAll(async () => {
    if (stage.site.node === undefined) return;
    await Promise.all([stage.site.public.start(), stage.site.backup.start()]);
    await copyTo(`${stage.site.backup.host}/backup`);
    await stage.kubectl('delete', 'namespace', 'backup-registry');
  });

  async function copyTo(prefix: string): Promise<void> {
    const patch = JSON.stringify({ data: { REGISTRY: prefix } });
    await stage.kubectl('patch', 'configmap', 'image-cloner', ...OWN, '--type', 'merge', '--patch', patch);
    await stage.restartCloner();
  }

  async function isBack(shop: string, app: string, restarts: number): Promise<void> {
    await vi.waitFor(async () => {
      const pods = await stage.pods(shop, app);
      expect(pods).toEqual([expect.objectContaining({ isWell: true, restarts })]);
    }, SOON);
  }

  it('image-cloner, its registry and the workloads come back, with no other registry there', async ({
    skip,
  }) => {
    const { node } = stage.site;
    skip(node === undefined, NOT_OURS);
    await stage.apply(namespace, workload({ name: 'before', image: stage.source(APP) }));
    expect(await stage.imageOf(namespace, 'deployment/before')).toBe(copy);
    await stage.rolledOut(namespace, 'deployment/before');
    await Promise.all([stage.site.public.stop(), stage.site.backup.stop()]);
    const pods = await stage.clonerPods();

    await node?.crash();
    await node?.start();

    await isBack('backup-registry', 'registry', 1);
    await isBack(namespace, 'before', 1);
    await vi.waitFor(async () => {
      const restarts = ['--output', 'jsonpath={.items[*].status.containerStatuses[*].restartCount}'];
      expect(await stage.kubectl('get', 'pods', ...OWN, ...restarts)).toBe('1 1');
    }, SOON);
    await stage.rolledOut('image-cloner', 'deployment/image-cloner');
    expect(await stage.clonerPods()).toEqual(pods);
  });

  it('and do their work', async ({ skip }) => {
    skip(stage.site.node === undefined, NOT_OURS);
    await stage.apply(namespace, workload({ name: 'after', image: stage.source(APP) }));
    expect(await stage.imageOf(namespace, 'deployment/after')).toBe(copy);
    await isBack(namespace, 'after', 0);
  });
});

/** image-cloner's own registry on a disk of the node: the image is the one that the node has for the webhook. */
async function backupRegistry(stage: Stage): Promise<object> {
  const path = 'jsonpath={.spec.template.spec.containers[0].image}';
  const image = await stage.kubectl('get', 'deployment', 'image-cloner', ...OWN, '--output', path);
  const labels = { app: 'registry' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'registry' },
    spec: {
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          hostNetwork: true,
          terminationGracePeriodSeconds: 5,
          securityContext: { runAsUser: 0 },
          containers: [
            {
              name: 'registry',
              image,
              imagePullPolicy: 'IfNotPresent',
              args: ['registry', '--dir', '/data', '--listen', IN_CLUSTER_REGISTRY],
              readinessProbe: {
                httpGet: { path: '/v2/', port: Number(IN_CLUSTER_REGISTRY.split(':')[1]) },
                periodSeconds: 1,
              },
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
          volumes: [
            { name: 'data', hostPath: { path: '/var/lib/backup-registry', type: 'DirectoryOrCreate' } },
          ],
        },
      },
    },
  };
}
