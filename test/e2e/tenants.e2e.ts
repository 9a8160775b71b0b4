import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { type MadeImage, makeImage, makeIndex } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { Cloner, SERVICE } from './cloner.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { canRun } from './harness/need.ts';
import { RegistryServer } from './harness/registry-server.ts';
import { WorkFolder } from './harness/work-folder.ts';

/** The API server takes note of a webhook configuration within a second; two busy cores are slower. */
const NOTED = { timeout: 120_000, interval: 200 };
const ACCOUNT = 'system:serviceaccount:image-cloner:image-cloner';
const USER = { name: 'reader', password: 'correct-horse' };

/** What a kubelet tells beside its platform (core/v1 NodeSystemInfo). */
const NODE_INFO = {
  machineID: '',
  systemUUID: '',
  bootID: '',
  kernelVersion: '',
  osImage: '',
  containerRuntimeVersion: '',
  kubeletVersion: '',
  kubeProxyVersion: '',
};

interface Attempt {
  readonly code: number | null;
  readonly stderr: string;
  /** The image that is stored. */
  readonly image: string | undefined;
}

interface Pods {
  readonly image: string;
  readonly secrets?: readonly string[];
  readonly serviceAccount?: string;
}

function deployment(name: string, { image, secrets = [], serviceAccount }: Pods): string {
  const spec = {
    containers: [{ name: 'main', image }],
    imagePullSecrets: secrets.map((secret) => ({ name: secret })),
    ...(serviceAccount !== undefined && { serviceAccountName: serviceAccount }),
  };
  const template = { metadata: { labels: { app: name } }, spec };
  return stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, template },
  });
}

describe.runIf(canRun('kube-apiserver', 'etcd', 'kubectl', 'docker-registry', 'htpasswd', 'mounts'))(
  'two tenants and one private image, on an API server and two registries',
  () => {
    let plane: ControlPlane;
    let backup: RegistryServer;
    let source: RegistryServer;
    let image: MadeImage;
    let index: MadeImage;
    let kubeconfig: string;
    let cloner: Cloner | undefined;
    let serial = 0;
    const folder = new WorkFolder('tenants');

    beforeAll(async () => {
      [plane, backup] = await Promise.all([
        ControlPlane.start({ hosts: { [SERVICE]: '127.0.0.1' } }),
        RegistryServer.start(),
      ]);
      image = await makeImage({ layers: [{ size: 80_000, seed: 7 }], runnable: true });
      index = makeIndex(
        await Promise.all(
          ['amd64', 'arm64', 's390x'].map((architecture) =>
            makeImage({ layers: [{ size: 1_000, seed: 8 }], platform: { os: 'linux', architecture } }),
          ),
        ),
      );
      kubeconfig = await kubeconfigOfCloner();
    });

    afterEach(async () => {
      await cloner?.stop();
      cloner = undefined;
      await source.close();
    });

    afterAll(async () => {
      await plane.stop();
      await backup.close();
      await folder.remove();
    });

    /** The service account that `deploy/` has, with no right at all. */
    async function kubeconfigOfCloner(): Promise<string> {
      await kubectl('create', 'namespace', 'image-cloner');
      await kubectl('create', 'serviceaccount', 'image-cloner', '--namespace=image-cloner');
      const token = await kubectl('create', 'token', 'image-cloner', '--namespace=image-cloner');
      const config = JSON.parse(await readFile(plane.kubeconfig, 'utf8'));
      config.users[0].user = { token: token.trim() };
      return folder.write('kubeconfig', JSON.stringify(config));
    }

    async function kubectl(...args: readonly string[]): Promise<string> {
      const { code, stdout, stderr } = await plane.kubectl(args);
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
      return stdout;
    }

    /** A private registry with `team/app:1`, a webhook, and two namespaces that are opted in. */
    async function begin(
      changes: Readonly<Record<string, string>> = {},
      { open = false }: { readonly open?: boolean } = {},
    ): Promise<{ readonly a: string; readonly b: string }> {
      source = await RegistryServer.start(open ? {} : { users: { [USER.name]: USER.password } });
      const basic = Buffer.from(`${USER.name}:${USER.password}`).toString('base64');
      const login: Record<string, string> = open ? {} : { authorization: `Basic ${basic}` };
      await pushImage(repositoryAt(source.url, 'team/app', login), image, '1');
      await pushImage(repositoryAt(source.url, 'team/index', login), index, '1');
      const started = await startCloner(changes);
      const names = ['a', 'b'].map((name) => `team-${name}-${(serial += 1)}`);
      for (const name of names) {
        await started.openNamespace(plane, name);
        await kubectl('create', 'serviceaccount', 'default', `--namespace=${name}`);
      }
      const [a = '', b = ''] = names;
      return { a, b };
    }

    async function startCloner(changes: Readonly<Record<string, string>>): Promise<Cloner> {
      const { host } = source;
      const settings = {
        REGISTRY: `${backup.host}/backup`,
        SOURCES_PLAIN_HTTP: host,
        COPY_FRESH_SECONDS: '0',
        ACCESS_PULL_SECRETS: 'true',
        ACCESS_KUBECONFIG: kubeconfig,
        ...changes,
      };
      const started = await Cloner.start(settings);
      cloner = started;
      await started.register(plane);
      // Those of before are asked about by then as well.
      await started.openNamespace(plane, `probe-${(serial += 1)}`);
      return started;
    }

    async function attempt(namespace: string, name: string, pods: Pods): Promise<Attempt> {
      const args = ['apply', '--namespace', namespace, '-f-'];
      const { code, stderr } = await plane.kubectl(args, { input: deployment(name, pods) });
      if (code !== 0) return { code, stderr, image: undefined };
      const path = 'jsonpath={.spec.template.spec.containers[0].image}';
      return { code, stderr, image: await kubectl('get', 'deployment', name, '-n', namespace, '-o', path) };
    }

    async function createSecret(namespace: string, name = 'pull'): Promise<void> {
      const { host } = source;
      const { name: user, password } = USER;
      const login = [`--docker-server=${host}`, `--docker-username=${user}`, `--docker-password=${password}`];
      await kubectl('create', 'secret', 'docker-registry', name, `--namespace=${namespace}`, ...login);
    }

    /** The API server takes note of a right a moment after it is stored. */
    async function mayDo(...what: readonly string[]): Promise<void> {
      const args = ['auth', 'can-i', ...what, `--as=${ACCOUNT}`];
      await vi.waitUntil(async () => (await plane.kubectl(args)).stdout.trim() === 'yes', NOTED);
    }

    /** What docs/tenants.md tells to apply. */
    async function grant(namespace: string, secret = 'pull'): Promise<void> {
      const text = await readFile(new URL('../../deploy/access/role.yaml', import.meta.url), 'utf8');
      const input = text.replaceAll('SECRET', secret);
      const { code, stderr } = await plane.kubectl(['apply', '--namespace', namespace, '-f-'], { input });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      await mayDo('get', `secrets/${secret}`, `--namespace=${namespace}`);
    }

    function own(namespace: string): string {
      return `${backup.host}/backup/ns/${namespace}/${source.host.replace(':', '_')}/team/app:1`;
    }

    function shared(): string {
      return `${backup.host}/backup/${source.host.replace(':', '_')}/team/app:1`;
    }

    it('who names the secret gets a copy of his own, and another namespace gets nothing of it', async () => {
      const { a, b } = await begin();
      const name = `${source.host}/team/app:1`;
      await createSecret(a);
      await grant(a);
      expect(await attempt(a, 'web', { image: name, secrets: ['pull'] })).toMatchObject({ image: own(a) });

      const without = await attempt(b, 'web', { image: name });
      expect(without).toMatchObject({ code: 0, image: name });
      expect(without.stderr).toContain('not copied');
      const named = await attempt(b, 'thief', { image: own(a) });
      expect(named).toMatchObject({ code: 1, stderr: expect.stringContaining(`copy of namespace "${a}"`) });

      // The namespace has it: a pod that names no secret may use it, too.
      expect(await attempt(a, 'second', { image: name })).toMatchObject({ image: own(a) });

      await source.stop();
      expect(await attempt(a, 'later', { image: name, secrets: ['pull'] })).toMatchObject({ image: own(a) });
      expect(await attempt(b, 'later', { image: name })).toMatchObject({ image: name });
      await cloner?.stop();
      await startCloner({});
      expect(await attempt(a, 'restart', { image: name, secrets: ['pull'] })).toMatchObject({
        image: own(a),
      });
      expect(await attempt(b, 'restart', { image: name })).toMatchObject({ image: name });
    });

    it('a secret of the service account serves a template, too; who has a right of his own has a copy without a byte sent again', async () => {
      const { a, b } = await begin();
      const name = `${source.host}/team/app:1`;
      for (const namespace of [a, b]) {
        await createSecret(namespace);
        await grant(namespace);
        const patch = '{"imagePullSecrets":[{"name":"pull"}]}';
        await kubectl('patch', 'serviceaccount', 'default', `--namespace=${namespace}`, '-p', patch);
      }
      expect(await attempt(a, 'web', { image: name })).toMatchObject({ image: own(a) });
      const before = (await backup.requests()).length;
      expect(await attempt(b, 'web', { image: name })).toMatchObject({ image: own(b) });
      const added = (await backup.requests()).slice(before);
      const sent = added.filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/'));
      expect(sent).toEqual([]);
      const mounted = added.filter(({ path }) => path.includes(`from=backup%2Fns%2F${a}`));
      expect(mounted.length).toBeGreaterThan(0);
    });

    it('without a Role the message says what may not be read, and the log how to grant it; then it counts within seconds', async () => {
      const { a } = await begin();
      const name = `${source.host}/team/app:1`;
      await createSecret(a);
      const { image: stored, stderr } = await attempt(a, 'web', { image: name, secrets: ['pull'] });
      expect(stored).toBe(name);
      expect(stderr).toContain('image-cloner may not get secret "pull", see docs/tenants.md');
      const log = JSON.stringify(cloner?.log());
      const [command = ''] =
        /kubectl create role image-cloner-secrets-pull [^"]*?--serviceaccount=image-cloner:image-cloner/.exec(
          log,
        ) ?? [];
      for (const one of command.split(' && ')) await kubectl(...one.split(' ').slice(1));
      // What is stored already is not changed by an apply: each try is a workload of its own.
      await vi.waitUntil(
        async () =>
          (await attempt(a, `web-${(serial += 1)}`, { image: name, secrets: ['pull'] })).image === own(a),
        NOTED,
      );
    });

    it('with one tenant for all the copy has everybody’s name', async () => {
      const { a, b } = await begin({ ACCESS_SHARED: 'true' });
      const name = `${source.host}/team/app:1`;
      await createSecret(a);
      await grant(a);
      expect(await attempt(a, 'web', { image: name, secrets: ['pull'] })).toMatchObject({ image: shared() });
      expect(await attempt(b, 'web', { image: name })).toMatchObject({ image: shared() });
    });

    it('without the setting a private source stays, and the user is told what could be done', async () => {
      const { a } = await begin({ ACCESS_PULL_SECRETS: 'false' });
      await createSecret(a);
      const name = `${source.host}/team/app:1`;
      const { image: stored, stderr } = await attempt(a, 'web', { image: name, secrets: ['pull'] });
      expect(stored).toBe(name);
      expect(stderr).toContain('access.pullSecrets');
    });

    it('of an index the platforms of the nodes are copied, and all where nodes may not be listed', async () => {
      const { a } = await begin({ COPY_PLATFORMS: 'nodes' }, { open: true });
      const name = `${source.host}/team/index:1`;
      await attempt(a, 'all', { image: name });
      expect(await copiedPlatforms('team/index')).toHaveLength(3);
      expect(cloner?.log().map(({ msg }) => msg)).toContain(
        'Platforms of the nodes not known anew: those before are copied, or all',
      );

      const nodes = ['amd64', 's390x'].map((architecture) => ({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: architecture },
        status: { nodeInfo: { ...NODE_INFO, operatingSystem: 'linux', architecture } },
      }));
      const role = await readFile(new URL('../../deploy/access/nodes.yaml', import.meta.url), 'utf8');
      for (const input of [role, ...nodes.map((node) => stringify(node))])
        expect((await plane.kubectl(['create', '-f-'], { input })).stderr).toBe('');
      await mayDo('list', 'nodes');
      await cloner?.stop();
      // A source that takes longer to say what it has is not waited for, and its copy stays as it is.
      await startCloner({ COPY_PLATFORMS: 'nodes', COPY_SOURCE_CHECK_SECONDS: '29' });
      await attempt(a, 'some', { image: name });
      expect(await copiedPlatforms('team/index')).toEqual(['amd64', 's390x']);
    });

    /** The architectures of a copy that is an index. */
    async function copiedPlatforms(path: string): Promise<readonly string[]> {
      const url = `${backup.url}/v2/backup/${source.host.replace(':', '_')}/${path}/manifests/1`;
      const answer = await fetch(url, { headers: { accept: index.content.descriptor.mediaType } });
      const { manifests }: { manifests: { platform: { architecture: string } }[] } = JSON.parse(
        await answer.text(),
      );
      return manifests.map(({ platform }) => platform.architecture).toSorted();
    }

    it('what everybody may read is everybody’s, whatever secrets a pod has', async () => {
      const { a } = await begin({}, { open: true });
      await createSecret(a);
      await grant(a);
      expect(
        await attempt(a, 'web', { image: `${source.host}/team/app:1`, secrets: ['pull'] }),
      ).toMatchObject({ image: shared() });
    });
  },
);
