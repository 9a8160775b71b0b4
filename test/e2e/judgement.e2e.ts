import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { makeImage } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { Cloner, SERVICE } from './cloner.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { canRun } from './harness/need.ts';
import { RegistryServer } from './harness/registry-server.ts';

/** The API server takes note of a webhook configuration within a second; two busy cores are slower. */
const NOTED = { timeout: 120_000, interval: 200 };
const NAMESPACE = 'shop';

type Json = Record<string, unknown>;

function template(image: string): Json {
  return { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'main', image }] } };
}

const SELECTOR = { matchLabels: { app: 'x' } };

function job(image: string): Json {
  const pod = { ...template(image), spec: { restartPolicy: 'Never', containers: [{ name: 'main', image }] } };
  return { template: pod };
}

/** The spec of each kind with one container. */
const SPECS: Readonly<Record<string, readonly [string, (image: string) => Json]>> = {
  Deployment: ['apps/v1', (image) => ({ selector: SELECTOR, template: template(image) })],
  StatefulSet: ['apps/v1', (image) => ({ selector: SELECTOR, serviceName: 'x', template: template(image) })],
  ReplicaSet: ['apps/v1', (image) => ({ selector: SELECTOR, template: template(image) })],
  ReplicationController: ['v1', (image) => ({ selector: { app: 'x' }, template: template(image) })],
  Job: ['batch/v1', job],
  CronJob: ['batch/v1', (image) => ({ schedule: '0 0 * * *', jobTemplate: { spec: job(image) } })],
  Pod: ['v1', (image) => ({ containers: [{ name: 'main', image }] })],
};

function manifest(kind: string, name: string, image: string, metadata: Json = {}): string {
  const [apiVersion, specOf] = SPECS[kind] ?? ['v1', () => ({})];
  return stringify({ apiVersion, kind, metadata: { name, ...metadata }, spec: specOf(image) });
}

function madeBy(apiVersion: string, kind: string): Json {
  return { ownerReferences: [{ apiVersion, kind, name: 'maker', uid: 'b1', controller: true }] };
}

describe.runIf(canRun('kube-apiserver', 'etcd', 'kubectl', 'docker-registry', 'htpasswd', 'mounts'))(
  'what image-cloner does on an API server and what not',
  () => {
    let plane: ControlPlane;
    let source: RegistryServer;
    let backup: RegistryServer;
    let cloner: Cloner;
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'judgement-'));
      [plane, source, backup] = await Promise.all([
        ControlPlane.start({ hosts: { [SERVICE]: '127.0.0.1' } }),
        RegistryServer.start(),
        RegistryServer.start(),
      ]);
      const image = await makeImage({ layers: [{ size: 10_000, seed: 1 }], runnable: true });
      for (const name of ['app', 'other', 'debug', 'uncopied'])
        for (const tag of ['1', '2']) await pushImage(repositoryAt(source.url, `team/${name}`), image, tag);
      await kubectl('create', 'namespace', NAMESPACE);
      for (const kind of Object.keys(SPECS)) await create(manifest(kind, 'old', sourceOf('app:1')));
      const config = join(folder, 'config.yaml');
      const forbidden = { name: 'forbidden', match: { images: [`${source.host}/team/forbidden`] } };
      await writeFile(config, stringify({ rules: [{ ...forbidden, action: 'deny', message: 'use app' }] }));
      cloner = await Cloner.start({
        REGISTRY: `${backup.host}/backup`,
        SOURCES_PLAIN_HTTP: source.host,
        COPY_FRESH_SECONDS: '0',
        IMAGE_CLONER_CONFIG: config,
      });
      await cloner.register(plane);
      await kubectl('label', 'namespace', NAMESPACE, 'image-cloner=enabled');
      await vi.waitUntil(async () => {
        await apply(manifest('Deployment', 'probe', 'auto:'), '--dry-run=server');
        await apply(manifest('Pod', 'probe', 'auto:'), '--dry-run=server');
        await apply(manifest('CronJob', 'probe', 'auto:'), '--dry-run=server');
        return new Set(cloner.log().map(({ kind }) => kind)).size > 3;
      }, NOTED);
    });

    afterAll(async () => {
      await cloner.stop();
      await plane.stop();
      await Promise.all([source.close(), backup.close()]);
      await rm(folder, { recursive: true });
    });

    async function kubectl(...args: readonly string[]): Promise<string> {
      const { code, stdout, stderr } = await plane.kubectl(args);
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
      return stdout;
    }

    function apply(text: string, ...options: readonly string[]) {
      return plane.kubectl(['apply', '--namespace', NAMESPACE, ...options, '-f-'], { input: text });
    }

    async function create(text: string): Promise<void> {
      const { code, stderr } = await plane.kubectl(['create', '--namespace', NAMESPACE, '-f-'], {
        input: text,
      });
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    }

    function sourceOf(name: string): string {
      return `${source.host}/team/${name}`;
    }

    function copyOf(name: string): string {
      return `${backup.host}/backup/${source.host.replace(':', '_')}/team/${name}`;
    }

    /** Generation and the images of all containers of an object. */
    async function stored(object: string): Promise<{ generation: unknown; images: readonly string[] }> {
      const text = await kubectl('get', '--namespace', NAMESPACE, object, '--output', 'json');
      const { metadata, spec } = JSON.parse(text);
      const images = [...JSON.stringify(spec).matchAll(/"image":"(?<image>[^"]*)"/g)];
      return { generation: metadata.generation, images: images.map(({ groups }) => groups?.['image'] ?? '') };
    }

    it.each(Object.keys(SPECS))('an old %s that gets a label stays as it is', async (kind) => {
      const before = await stored(`${kind}/old`);
      await kubectl('label', '--namespace', NAMESPACE, kind, 'old', 'new=label');
      expect(await stored(`${kind}/old`)).toEqual(before);
      expect(before.images).toEqual([sourceOf('app:1')]);
    });

    it('an old Deployment that is scaled stays as it is', async () => {
      await kubectl('scale', '--namespace', NAMESPACE, 'deployment/old', '--replicas=3');
      expect((await stored('deployment/old')).images).toEqual([sourceOf('app:1')]);
    });

    it.each(Object.keys(SPECS))('a new %s gets its copy', async (kind) => {
      await create(manifest(kind, 'new', sourceOf('app:1')));
      expect((await stored(`${kind}/new`)).images).toEqual([copyOf('app:1')]);
    });

    it.each(['Deployment', 'StatefulSet', 'CronJob'])(
      'a %s that is applied again has no new generation',
      async (kind) => {
        const name = `again-${kind.toLowerCase()}`;
        await apply(manifest(kind, name, sourceOf('app:1')));
        await apply(manifest(kind, name, sourceOf('app:1')));
        expect(await stored(`${kind}/${name}`)).toEqual({ generation: 1, images: [copyOf('app:1')] });
      },
    );

    it('nor has one that is applied on the server side', async () => {
      const text = manifest('Deployment', 'server-side', sourceOf('app:1'));
      expect((await apply(text, '--server-side')).code).toBe(0);
      expect((await apply(text, '--server-side')).code).toBe(0);
      expect(await stored('deployment/server-side')).toEqual({ generation: 1, images: [copyOf('app:1')] });
    });

    it('a StatefulSet that gets another image gets its copy', async () => {
      await kubectl('set', 'image', '--namespace', NAMESPACE, 'statefulset/new', `main=${sourceOf('app:2')}`);
      expect((await stored('statefulset/new')).images).toEqual([copyOf('app:2')]);
    });

    it('a Job that a CronJob made is left to the CronJob', async () => {
      await create(manifest('Job', 'made', sourceOf('app:1'), madeBy('batch/v1', 'CronJob')));
      expect((await stored('job/made')).images).toEqual([sourceOf('app:1')]);
    });

    it('a Job made by hand from a CronJob runs its copy, and nothing is rewritten twice', async () => {
      await kubectl('create', 'job', '--namespace', NAMESPACE, 'by-hand', '--from=cronjob/new');
      expect((await stored('job/by-hand')).images).toEqual([copyOf('app:1')]);
    });

    it('a Pod of a ReplicaSet gets a copy that is there, and none is made for it', async () => {
      const metadata = madeBy('apps/v1', 'ReplicaSet');
      await create(manifest('Pod', 'late', sourceOf('app:1'), metadata));
      await create(manifest('Pod', 'early', sourceOf('uncopied:1'), metadata));
      expect((await stored('pod/late')).images).toEqual([copyOf('app:1')]);
      expect((await stored('pod/early')).images).toEqual([sourceOf('uncopied:1')]);
      const uploads = (await backup.requests()).filter(({ path }) => path.includes('uncopied/blobs'));
      expect(uploads).toEqual([]);
    });

    it('kubectl debug works twice, and each container gets its copy', async () => {
      for (const [container, image] of [
        ['one', 'debug:1'],
        ['two', 'debug:2'],
      ] as const)
        await kubectl(
          'debug',
          '--namespace',
          NAMESPACE,
          'pod/old',
          `--image=${sourceOf(image)}`,
          `--container=${container}`,
        );
      const { images } = await stored('pod/old');
      expect(images.toSorted()).toEqual([sourceOf('app:1'), copyOf('debug:1'), copyOf('debug:2')].toSorted());
    });

    it('a rule refuses with its words', async () => {
      const { code, stderr } = await apply(manifest('Deployment', 'bad', sourceOf('forbidden:1')));
      expect(code).toBe(1);
      expect(stderr).toContain(`"${sourceOf('forbidden:1')}": use app`);
    });

    it('rules that change count without a restart, and bad ones do not', async () => {
      const config = join(folder, 'config.yaml');
      const skip = { name: 'skip-other', match: { images: [`${source.host}/team/other`] }, action: 'skip' };
      await writeFile(config, stringify({ rules: [skip] }));
      await vi.waitUntil(() => cloner.log().some(({ msg }) => msg === 'Configuration read again'), NOTED);
      await writeFile(config, 'rules: [{action: none}]');
      await vi.waitUntil(
        () => cloner.log().some(({ msg }) => msg.startsWith('Configuration not usable')),
        NOTED,
      );
      await create(manifest('Deployment', 'skipped', sourceOf('other:1')));
      expect((await stored('deployment/skipped')).images).toEqual([sourceOf('other:1')]);
    });

    it('never met a request that it could not answer safely', () => {
      const bad = cloner.log().filter(({ msg }) => /not safe|Review failed|no admission review/.test(msg));
      expect(bad).toEqual([]);
    });
  },
);
