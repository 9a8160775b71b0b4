import { beforeAll, expect, it } from 'vitest';
import { installCommands } from './readme.ts';
import { onCluster } from './stage.ts';
import { workload } from './workload.ts';

const ALPINE = 'library/alpine:3.12';
/** An image that the node never had by its public name: pods may show any name that the node knows the content by. */
const APP = 'team/copied:1';
const WATCH = / --follow\n?$/;

onCluster('1. Workloads run from their copies', (stage) => {
  let namespace: string;

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-1');
    await stage.publish(APP);
  });

  it('as the README says: opt in, create, look, and watch the log', async () => {
    const { optIn } = installCommands(stage.site);
    const lines = optIn.trimEnd().split('\n');
    const watch = lines.filter((line) => WATCH.test(line));
    expect(watch).toHaveLength(1);
    try {
      const printed = await stage.installation.done(lines.filter((line) => !WATCH.test(line)).join('\n'));
      expect(printed).toContain(stage.copyOf(ALPINE));
      await stage.installation.watch(
        watch.join(''),
        (text) => text.includes('"name":"alpine"') && text.includes('Patch applied'),
      );
    } finally {
      await stage.kubectl('delete', 'deployment', 'alpine', '--ignore-not-found', '--grace-period', '1');
      await stage.kubectl('label', 'namespace', 'default', 'image-cloner-');
    }
  });

  it('as the README says: it is well', async () => {
    const { isItWell } = installCommands(stage.site);
    expect(await stage.installation.done(isItWell)).toMatch(/OK$/);
  });

  it('its own pods are restricted, and the namespace enforces it', async () => {
    const label = 'jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}';
    expect(await stage.kubectl('get', 'namespace', 'image-cloner', '--output', label)).toBe('restricted');
    await stage.rolledOut('image-cloner', 'deployment/image-cloner');
    const { code, stderr } = await stage.tryKubectl([
      'run',
      'root',
      '--namespace',
      'image-cloner',
      '--image',
      stage.source(ALPINE),
    ]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('violates PodSecurity "restricted'),
    });
  });

  it.each(['Deployment', 'DaemonSet'] as const)(
    'a %s runs, and every pod tells the copy with the digest of the source',
    async (kind) => {
      const name = kind.toLowerCase();
      const { code, stderr } = await stage.apply(
        namespace,
        workload({ kind, name, image: stage.source(APP) }),
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(stage.copyOf(APP)) });
      await stage.rolledOut(namespace, `${kind}/${name}`);

      const digest = await stage.site.public.digestOf(APP);
      expect(digest).toMatch(/^sha256:/);
      expect(await stage.site.backup.digestOf(stage.copyIn(APP))).toBe(digest);
      const pods = await stage.pods(namespace, name);
      expect(pods.length).toBeGreaterThan(0);
      for (const pod of pods) {
        expect(pod).toMatchObject({
          isWell: true,
          restarts: 0,
          image: stage.copyOf(APP),
          imageId: `${stage.copyOf(APP).replace(/:[^:/]+$/, '')}@${digest}`,
        });
      }
    },
  );

  it('a re-applied Deployment starts nothing anew', async () => {
    const generation = [
      'get',
      '--namespace',
      namespace,
      'deployment/deployment',
      '--output',
      'jsonpath={.metadata.generation}',
    ];
    const before = await stage.kubectl(...generation);
    await stage.apply(namespace, workload({ name: 'deployment', image: stage.source(APP) }));
    expect(await stage.kubectl(...generation)).toBe(before);
  });
});
