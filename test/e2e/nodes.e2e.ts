import { arch } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { useStage } from '../fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { Checkout } from './checkout.ts';
import { build, Cloner, SERVICE } from './cloner.ts';
import { type CommandResult, output, RunningCommand } from './harness/command.ts';
import { Containerd } from './harness/containerd.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { DockerEngine } from './harness/docker-engine.ts';
import { freePort } from './harness/free-port.ts';
import { canRun } from './harness/need.ts';
import { programOf } from './harness/part.ts';
import { RegistryServer } from './harness/registry-server.ts';
import type { LogLine } from './log-line.ts';
import { NodeAgent } from './node-agent.ts';

// The main case: the source is gone, a node has the image, and a Deployment gets its copy.

const NATIVE = arch === 'x64' ? 'amd64' : arch;
const FOREIGN = NATIVE === 'amd64' ? 'arm64' : 'amd64';
const IMAGES = ['socket', 'agent', 'pinned', 'docker', 'dockerpinned', 'down', 'wrong', 'rescue'] as const;

const stage = useStage();

type Settings = Readonly<Record<string, string>>;

interface Admitted {
  readonly stored: string;
  readonly warning: string;
  readonly log: readonly LogLine[];
}

function deployment(name: string, image: string): string {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image }] } };
  return stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, template },
  });
}

function digestOf({ content }: MadeImage): string {
  return content.descriptor.digest;
}

function imageFor(architecture: string, seed: number): Promise<MadeImage> {
  const layers = [seed, seed + 1].map((one) => ({ size: 60_000, seed: one }));
  return makeImage({ layers, platform: { os: 'linux', architecture }, runnable: true });
}

async function crane(...args: readonly string[]): Promise<string> {
  return (await output(programOf('crane'), [...args, '--insecure'])).trim();
}

function linesOf(log: readonly LogLine[], msg: string): readonly LogLine[] {
  return log.filter((line) => line.msg === msg);
}

/** Layers that came to this state, by the log. */
function layersIn(log: readonly LogLine[], state: string): readonly string[] {
  const lines = linesOf(log, 'Layer progress').filter((line) => line['state'] === state);
  return lines.map(({ layer }) => String(layer)).toSorted();
}

/** As daemons call them. */
function layersOf({ blobs }: MadeImage): readonly string[] {
  return blobs.map(({ descriptor }) => descriptor.digest.slice(7, 19)).toSorted();
}

/** Once this has happened, or the command has ended before. */
async function interrupted(
  command: RunningCommand,
  signal: NodeJS.Signals,
  happened: Promise<unknown>,
): Promise<CommandResult> {
  await Promise.race([happened, command.ended]);
  command.signal(signal);
  return command.ended;
}

describe.runIf(
  canRun(
    'kube-apiserver',
    'etcd',
    'kubectl',
    'docker-registry',
    'crane',
    'dockerd',
    'containerd',
    'mounts',
    'root',
  ),
)('an image that a node holds, and whose registry is stopped', () => {
  let plane: ControlPlane;
  let source: RegistryServer;
  let backup: RegistryServer;
  let containerd: Containerd;
  let docker: DockerEngine;
  let checkout: Checkout;
  let agent: NodeAgent;
  let single: MadeImage;
  let index: MadeImage;
  /** What a start that fails leaves running is ended, too. */
  const ending: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    checkout = new Checkout();
    ending.push(() => checkout.remove());
    await checkout.gen();
    source = await RegistryServer.start();
    ending.push(() => source.close());
    backup = await RegistryServer.start();
    ending.push(() => backup.close());
    plane = await ControlPlane.start({ hosts: { [SERVICE]: '127.0.0.1' } });
    ending.push(() => plane.stop());
    containerd = await Containerd.start('2');
    ending.push(() => containerd.stop());
    docker = await DockerEngine.start();
    ending.push(() => docker.stop());
    single = await imageFor(NATIVE, 1);
    const native = await imageFor(NATIVE, 3);
    index = makeIndex([native, await imageFor(FOREIGN, 5)]);
    for (const name of [...IMAGES, 'pulled-docker', 'pulled-containerd'])
      await pushImage(repositoryAt(source.url, `team/${name}`), single, '1');
    await pushImage(repositoryAt(source.url, 'team/index'), index, '1');
    await fillNode();
    agent = await NodeAgent.start({
      ...agentIdentity(),
      REGISTRY: prefix(),
      CONTAINERD_SOCKET: containerd.socket,
    });
    ending.push(() => agent.stop());
    await source.stop();
  });

  afterAll(async () => {
    for (const end of ending.toReversed()) await end();
  });

  /** As a kubelet and a user of Docker would have, while the source was there. */
  async function fillNode(): Promise<void> {
    for (const name of [...IMAGES.filter((one) => !one.startsWith('docker')), 'index']) {
      const pull = ['--namespace', 'k8s.io', 'images', 'pull', '--local', '--plain-http', sourceOf(name)];
      expect(await containerd.ctr(...pull)).toMatchObject({ code: 0 });
      const image = name === 'index' ? index : single;
      const [{ blobs } = image] = image.children;
      const config = blobs[0]?.descriptor.digest ?? '';
      await containerd.nameAsKubernetes(sourceOf(name), { digest: digestOf(image), config });
    }
    for (const name of ['docker', 'dockerpinned'])
      expect(await docker.docker(['pull', sourceOf(name)])).toMatchObject({ code: 0 });
  }

  function prefix(): string {
    return `${backup.host}/backup`;
  }

  function sourceOf(name: string): string {
    return `${source.host}/team/${name}:1`;
  }

  function copyOf(name: string): string {
    return `${prefix()}/${source.host.replace(':', '_')}/team/${name}`;
  }

  function certificates(file: string): Settings {
    return {
      AGENTS_CERT_FILE: checkout.path(`tls/out/${file}.crt`),
      AGENTS_KEY_FILE: checkout.path(`tls/out/${file}.key`),
      AGENTS_CA_FILE: checkout.path('tls/out/ca.crt'),
    };
  }

  function agentIdentity(): Settings {
    return certificates('agent');
  }

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await plane.kubectl(args);
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout;
  }

  /** Creates a Deployment under a webhook with these settings. */
  async function admit(image: string, settings: Settings): Promise<Admitted> {
    const cloner = await Cloner.start({
      REGISTRY: prefix(),
      SOURCES_PLAIN_HTTP: source.host,
      COPY_FRESH_SECONDS: '0',
      ...settings,
    });
    try {
      await cloner.register(plane);
      const namespace = `shop-${cloner.port}`;
      await cloner.openNamespace(plane, namespace);
      const args = ['apply', '--namespace', namespace, '-f-'];
      const { code, stderr } = await plane.kubectl(args, { input: deployment('app', image) });
      expect(code).toBe(0);
      const path = 'jsonpath={.spec.template.spec.containers[0].image}';
      const stored = await kubectl('get', '--namespace', namespace, 'deployment/app', '--output', path);
      return { stored, warning: stderr, log: cloner.log() };
    } finally {
      await cloner.stop();
    }
  }

  async function rescuing(settings: Settings, ...args: readonly string[]): Promise<RunningCommand> {
    const environment = { REGISTRY: prefix(), SOURCES_PLAIN_HTTP: source.host, ...settings };
    return new RunningCommand(process.execPath, [await build(), 'rescue', ...args], { environment });
  }

  async function rescue(settings: Settings, ...args: readonly string[]): Promise<CommandResult> {
    return (await rescuing(settings, ...args)).ended;
  }

  async function namesInDocker(): Promise<readonly string[]> {
    const { stdout } = await docker.docker(['image', 'ls', '--format={{.Repository}}:{{.Tag}}']);
    return stdout.trim().split('\n').toSorted();
  }

  it('by the socket of containerd: the Deployment gets the copy, which has the digest of the source', async () => {
    const { stored, log } = await admit(sourceOf('socket'), { CONTAINERD_SOCKET: containerd.socket });
    expect(stored).toBe(`${copyOf('socket')}:1`);
    expect(await crane('digest', stored)).toBe(digestOf(single));
    await crane('validate', '--remote', stored);
    expect(linesOf(log, 'Source cannot give the image, it is taken from a node')).toMatchObject([
      { origin: 'containerd', source: sourceOf('socket') },
    ]);
  });

  it('by an agent over mutual TLS: the Deployment gets the copy', async () => {
    const { stored, log } = await admit(sourceOf('agent'), {
      ...certificates('client'),
      AGENTS_ADDRESSES: agent.address,
    });
    expect(stored).toBe(`${copyOf('agent')}:1`);
    expect(await crane('digest', stored)).toBe(digestOf(single));
    expect(linesOf(log, 'Agent holds the image')).toMatchObject([{ address: agent.address }]);
    await expect
      .poll(() => linesOf(agent.log(), 'Image pushed'))
      .toMatchObject([{ digest: digestOf(single) }]);
    // How far it was, in the log of the webhook and in its own.
    expect(layersIn(log, 'pushed')).toEqual(layersOf(single));
    await expect.poll(() => layersIn(agent.log(), 'pushed')).toEqual(layersOf(single));
    expect(linesOf(log, 'Layer progress')[0]).toMatchObject({ origin: 'agents', source: sourceOf('agent') });
  });

  it('by an agent, and named by its digest: the Deployment gets the copy', async () => {
    const wanted = `${source.host}/team/pinned@${digestOf(single)}`;
    const { stored } = await admit(wanted, { ...certificates('client'), AGENTS_ADDRESSES: agent.address });
    expect(stored).toBe(`${copyOf('pinned')}@${digestOf(single)}`);
    expect(await crane('digest', stored)).toBe(digestOf(single));
  });

  it('of which one platform is there: the copy is that platform, and the log says so', async () => {
    const { stored, log } = await admit(sourceOf('index'), { CONTAINERD_SOCKET: containerd.socket });
    expect(stored).toBe(`${copyOf('index')}:1`);
    const [native] = index.children;
    expect(await crane('digest', stored)).toBe(native && digestOf(native));
    expect(linesOf(log, 'Node has one platform of the image only, the copy is that one')).toMatchObject([
      { index: digestOf(index), platform: `linux/${NATIVE}` },
    ]);
  });

  it('of which one platform is there, and named by the digest of all: the source stays', async () => {
    const wanted = `${source.host}/team/index@${digestOf(index)}`;
    const { stored, warning } = await admit(wanted, { CONTAINERD_SOCKET: containerd.socket });
    // Names with digests leave no room for the rest of the sentence.
    expect([stored, warning]).toEqual([wanted, expect.stringMatching(/Warning: .*" was /)]);
  });

  it('by a Docker daemon that makes images anew: a tag gets the copy, and the log says so', async () => {
    const { stored, log } = await admit(sourceOf('docker'), { DOCKER_SOCKET: docker.socket });
    expect(stored).toBe(`${copyOf('docker')}:1`);
    await crane('validate', '--remote', stored);
    expect(linesOf(log, 'Image was made anew by a daemon, its copy has a digest of its own')).toMatchObject([
      { origin: 'docker', digest: await crane('digest', stored) },
    ]);
    expect(linesOf(log, 'Layer progress').filter(({ state }) => state === 'Pushed')).toHaveLength(
      single.blobs.length - 1,
    );
  });

  it('by a Docker daemon that makes images anew: a digest keeps its source', async () => {
    const wanted = `${source.host}/team/dockerpinned@${digestOf(single)}`;
    const { stored, warning } = await admit(wanted, { DOCKER_SOCKET: docker.socket });
    expect([stored, warning]).toEqual([wanted, expect.stringContaining('another digest')]);
  });

  it('and whose agent is down: the source stays, the user is warned, the log says why', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const { stored, warning, log } = await admit(sourceOf('down'), {
      ...certificates('client'),
      AGENTS_ADDRESSES: address,
    });
    expect([stored, warning]).toEqual([sourceOf('down'), expect.stringContaining('was not copied')]);
    expect(linesOf(log, 'Agent cannot be asked, others are')).toMatchObject([{ address }]);
  });

  it('and one of two agents is down: the other gives it', async () => {
    const down = `127.0.0.1:${await freePort()}`;
    const { stored } = await admit(sourceOf('down'), {
      ...certificates('client'),
      AGENTS_ADDRESSES: `${down},${agent.address}`,
    });
    expect(stored).toBe(`${copyOf('down')}:1`);
  });

  it.each(['tls', 'agent'])(
    'and who asks with the certificate %s of the same authority is refused',
    async (file) => {
      const { stored, log } = await admit(sourceOf('wrong'), {
        ...certificates(file),
        AGENTS_ADDRESSES: agent.address,
      });
      expect(stored).toBe(sourceOf('wrong'));
      expect(linesOf(log, 'Agent cannot be asked, others are')).toHaveLength(1);
      await expect
        .poll(() => linesOf(agent.log(), 'Connection refused, its certificate is not trusted'))
        .not.toEqual([]);
    },
  );

  it('and copy.engine is registry: no node is asked', async () => {
    const { stored, log } = await admit(sourceOf('wrong'), {
      CONTAINERD_SOCKET: containerd.socket,
      COPY_ENGINE: 'registry',
    });
    expect(stored).toBe(sourceOf('wrong'));
    expect(linesOf(log, 'Source cannot give the image, it is taken from a node')).toEqual([]);
  });

  describe('is pulled by a daemon first, while the source is there', () => {
    beforeAll(() => source.start());
    afterAll(() => source.stop());

    it.each(['docker', 'containerd'])('with copy.engine %s', async (engine) => {
      const sockets = { DOCKER_SOCKET: docker.socket, CONTAINERD_SOCKET: containerd.socket };
      const { stored, log } = await admit(sourceOf(`pulled-${engine}`), { ...sockets, COPY_ENGINE: engine });
      expect(stored).toBe(`${copyOf(`pulled-${engine}`)}:1`);
      await crane('validate', '--remote', stored);
      expect(linesOf(log, 'Image pulled by a daemon')).toMatchObject([{ origin: engine }]);
      expect(linesOf(log, 'Image taken from a node, as the settings say')).toMatchObject([
        { origin: engine },
      ]);
      expect(linesOf(log, 'Layer progress')).toContainEqual(expect.objectContaining({ origin: engine }));
    });

    it('with copy.engine containerd, from a host that only its own configuration leads to', async () => {
      containerd.findRegistryAt('hidden.invalid', source.url);
      const { stored } = await admit('hidden.invalid/team/pulled-containerd:1', {
        CONTAINERD_SOCKET: containerd.socket,
        CONTAINERD_HOSTS_DIR: containerd.hostsDir,
        COPY_ENGINE: 'containerd',
      });
      expect(stored).toBe(`${prefix()}/hidden.invalid/team/pulled-containerd:1`);
      expect(await crane('digest', stored)).toBe(digestOf(single));
    });
  });

  describe('is rescued', () => {
    it('by hand on its node: first only looked for, then saved, then there', async () => {
      const socket = ['--containerd-socket', containerd.socket, sourceOf('rescue')];
      const looked = await rescue({}, '--check', ...socket);
      expect(looked).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/containerd +unreachable +absent/),
      });
      const saved = await rescue({}, '--json', ...socket);
      expect(saved.code).toBe(0);
      expect(JSON.parse(saved.stdout)).toEqual([
        {
          image: sourceOf('rescue'),
          heldBy: ['containerd'],
          whole: true,
          source: 'unreachable',
          backup: `${copyOf('rescue')}:1`,
          state: 'saved',
          digest: digestOf(single),
        },
      ]);
      expect(await rescue({}, ...socket)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/there\n$/),
      });
    });

    it.each(['SIGINT', 'SIGTERM'] as const)(
      'and interrupted by %s while our engine pushes: no upload is left, and what was saved is told',
      async (signal) => {
        const stalled = await stage.registry({
          faults: [{ method: 'PUT', path: /index\/blobs/, wait: new Promise(() => {}) }],
        });
        const images = [sourceOf('rescue'), sourceOf('index')];
        const args = ['--containerd-socket', containerd.socket, ...images];
        const command = await rescuing({ REGISTRY: `${stalled.host}/backup` }, ...args);
        const pushing = [stalled.seen('PUT', /rescue\/manifests/), stalled.seen('PUT', /index\/blobs/)];
        expect(await interrupted(command, signal, Promise.all(pushing))).toMatchObject({
          code: 130,
          stdout: expect.stringMatching(/team\/index:1 .* failed +interrupted\n$/),
          stderr: expect.stringMatching(
            /interrupted, [01] of 2 images have a backup, [01] of them saved now/,
          ),
        });
        expect(stalled.openUploads()).toBe(0);
        await expect(containerd.images('leases', 'ls', '--quiet')).resolves.not.toContain('image-cloner');
      },
    );

    it('and interrupted while the Docker daemon pushes: nothing of it stays on the node', async () => {
      const stalled = await stage.registry({
        faults: [{ method: 'PATCH', path: /uploads/, wait: new Promise(() => {}) }],
      });
      const before = await namesInDocker();
      const args = ['--docker-socket', docker.socket, sourceOf('docker')];
      const command = await rescuing({ REGISTRY: `${stalled.host}/backup` }, ...args);
      // The daemon tells the registry and the command at once, and they hear of it in any order.
      const told = `${sourceOf('docker')}: Pushing `;
      const pushing = [stalled.seen('PATCH', /uploads/), command.told(told)];
      const { code, stderr } = await interrupted(command, 'SIGINT', Promise.all(pushing));
      expect(code).toBe(130);
      expect(stderr).toContain(told);
      expect(stderr).toContain('interrupted, 0 of 1 images have a backup');
      expect(await namesInDocker()).toEqual(before);
    });

    it('with all others that the nodes hold, through their agents', async () => {
      const settings = { ...certificates('client'), AGENTS_ADDRESSES: agent.address };
      const { code, stdout } = await rescue(settings, '--all', '--json');
      const rows: { image: string; state: string; heldBy: string[] }[] = JSON.parse(stdout);
      expect(code).toBe(0);
      expect(rows.map(({ image }) => image)).toEqual(
        expect.arrayContaining([sourceOf('wrong'), sourceOf('index')]),
      );
      expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['there', 'saved']));
      // Kubernetes' names by digest: that of an index of which one platform is there could not be saved.
      expect(rows.filter(({ image }) => image.includes('sha256:'))).toEqual([]);
      expect(await crane('digest', `${copyOf('wrong')}:1`)).toBe(digestOf(single));
    });
  });
});
