import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { type MadeImage, makeImage, makeIndex } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { Cloner, SERVICE } from './cloner.ts';
import { type CommandResult, output } from './harness/command.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { canRun } from './harness/need.ts';
import { programOf } from './harness/part.ts';
import { RegistryServer } from './harness/registry-server.ts';
import type { LogLine } from './log-line.ts';

/** A copy that is there is found within a second; two busy cores are slower. */
const NOTED = { timeout: 120_000, interval: 200 };
const GIB = 1024 ** 3;
/** 110 MB, in the kernel's unit. */
const MOST_IDLE_KIB = 110e6 / 1024;

const PLATFORMS = ['amd64', 'arm64', 's390x'] as const;

interface Attempt {
  readonly code: number | null;
  readonly stderr: string;
  readonly stored: string | undefined;
  readonly errors: string;
}

function failuresIn(log: readonly LogLine[]): string {
  const lines = log.filter(({ level, msg }) => level === 'error' && msg === 'Copy failed');
  return lines.map(({ error }) => JSON.stringify(error)).join('\n');
}

function layers(seed: number): { size: number; seed: number }[] {
  return [0, 1, 2].map((layer) => ({ size: 50_000 + layer, seed: seed * 10 + layer }));
}

function manifest(kind: string, name: string, image: string): string {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image }] } };
  return stringify({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, template },
  });
}

function craneDigest(reference: string): Promise<string> {
  return output(programOf('crane'), ['digest', '--insecure', reference]).then((text) => text.trim());
}

async function uploadsTo(registry: RegistryServer): Promise<number> {
  return (await registry.requests()).filter(({ method }) => method === 'PUT').length;
}

/** An AdmissionReview about a Pod whose annotation has this JSON text, before and after. */
function update(text: string): Buffer {
  const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","annotations":{"a":"${text}"}},"spec":{"containers":[{"name":"c","image":"auto:"}]}}`;
  const about =
    '"uid":"1","kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"name":"p","namespace":"n","operation":"UPDATE","userInfo":{}';
  return Buffer.from(
    `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{${about},"object":${pod},"oldObject":${pod}}}`,
  );
}

describe.runIf(
  canRun('kube-apiserver', 'etcd', 'kubectl', 'docker-registry', 'htpasswd', 'skopeo', 'crane', 'mounts'),
)('image-cloner on an API server and two registries', () => {
  let plane: ControlPlane;
  let source: RegistryServer;
  let backup: RegistryServer;
  let single: MadeImage;
  let index: MadeImage;

  beforeAll(async () => {
    [plane, source, backup] = await Promise.all([
      ControlPlane.start({ hosts: { [SERVICE]: '127.0.0.1' } }),
      RegistryServer.start(),
      RegistryServer.start(),
    ]);
    single = await makeImage({ layers: layers(1), runnable: true });
    index = makeIndex(
      await Promise.all(
        PLATFORMS.map((architecture, at) =>
          makeImage({ layers: layers(at + 2), runnable: true, platform: { os: 'linux', architecture } }),
        ),
      ),
    );
    for (const name of ['alpine', 'again', 'dry', 'gone'])
      await pushImage(repositoryAt(source.url, `library/${name}`), single, '3.12');
    await pushImage(repositoryAt(source.url, 'team/index'), index, '1');
  });

  afterAll(async () => {
    await plane.stop();
    await Promise.all([source.close(), backup.close()]);
  });

  function settings(changes: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      REGISTRY: `${backup.host}/backup`,
      SOURCES_PLAIN_HTTP: source.host,
      COPY_FRESH_SECONDS: '0',
      ...changes,
    };
  }

  /** A webhook that the API server calls, and a namespace of its own that is opted in. */
  async function begin(
    changes: Readonly<Record<string, string>> = {},
  ): Promise<{ cloner: Cloner; namespace: string }> {
    const cloner = await Cloner.start(settings(changes));
    await cloner.register(plane);
    const namespace = `shop-${cloner.port}`;
    await cloner.openNamespace(plane, namespace);
    return { cloner, namespace };
  }

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await plane.kubectl(args);
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout;
  }

  function create(
    namespace: string,
    kind: string,
    { name, image, options = [] }: { name: string; image: string; options?: readonly string[] },
  ): Promise<CommandResult> {
    const args = ['apply', '--namespace', namespace, ...options, '-f-'];
    return plane.kubectl(args, { input: manifest(kind, name, image) });
  }

  function imageOf(namespace: string, object: string): Promise<string> {
    return kubectl(
      'get',
      '--namespace',
      namespace,
      object,
      '--output',
      'jsonpath={.spec.template.spec.containers[0].image}',
    );
  }

  function copyOf(name: string): string {
    return `${backup.host}/backup/${source.host.replace(':', '_')}/${name}`;
  }

  /** Creates a Deployment under a webhook with these settings. @returns what the user and the operator see */
  async function attempt(changes: Readonly<Record<string, string>>): Promise<Attempt> {
    const { cloner, namespace } = await begin(changes);
    try {
      const { code, stderr } = await create(namespace, 'Deployment', {
        name: 'app',
        image: `${source.host}/library/alpine:3.12`,
      });
      const stored = code === 0 ? await imageOf(namespace, 'deployment/app') : undefined;
      return { code, stderr, stored, errors: failuresIn(cloner.log()) };
    } finally {
      await cloner.stop();
    }
  }

  /** Admitted as it was, with a warning for the user and the reason in the log. */
  function unchanged(why: RegExp): Attempt {
    return {
      code: 0,
      stderr: expect.stringMatching(/Warning: .*not copied|Warning: .*could not be copied/i),
      stored: `${source.host}/library/alpine:3.12`,
      errors: expect.stringMatching(why),
    };
  }

  describe('that are well', () => {
    let cloner: Cloner;
    let namespace: string;
    let idleKiB: number;

    beforeAll(async () => {
      const idle = await Cloner.start(settings());
      idleKiB = idle.residentKiB();
      await idle.stop();
      ({ cloner, namespace } = await begin());
    });
    afterAll(() => cloner.stop());

    it('takes less than 110 MB of memory as long as nothing happens', () => {
      expect(idleKiB).toBeLessThan(MOST_IDLE_KIB);
    });

    it.each([
      ['Deployment', 'library/alpine:3.12'],
      ['DaemonSet', 'team/index:1'],
    ])('a %s is stored with the name of the copy, whose digest is the source’s', async (kind, name) => {
      const { code, stderr } = await create(namespace, kind, {
        name: 'first',
        image: `${source.host}/${name}`,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Warning: ') });
      expect(await imageOf(namespace, `${kind}/first`)).toBe(copyOf(name));
      expect(await craneDigest(copyOf(name))).toBe(await craneDigest(`${source.host}/${name}`));
    });

    it('all platforms of an index are copied, as skopeo and crane see it', async () => {
      const raw = await output(programOf('skopeo'), [
        'inspect',
        '--tls-verify=false',
        '--raw',
        `docker://${copyOf('team/index:1')}`,
      ]);
      expect(raw).toBe(index.content.bytes.toString());
      await output(programOf('crane'), ['validate', '--insecure', '--remote', copyOf('team/index:1')]);
    });

    it('the sources are kept in an annotation', async () => {
      const annotation = 'jsonpath={.metadata.annotations.image-cloner\\.dev/original-images}';
      expect(
        JSON.parse(
          await kubectl('get', '--namespace', namespace, 'deployment/first', '--output', annotation),
        ),
      ).toEqual({
        main: `${source.host}/library/alpine:3.12`,
      });
    });

    it('a Deployment that already uses the backup is left as it is', async () => {
      const { code, stderr } = await create(namespace, 'Deployment', {
        name: 'second',
        image: copyOf('library/alpine:3.12'),
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(
        await kubectl(
          'get',
          '--namespace',
          namespace,
          'deployment/second',
          '--output',
          'jsonpath={.metadata.annotations}',
        ),
      ).not.toContain('original-images');
    });

    it('applying again makes no new generation', async () => {
      await create(namespace, 'Deployment', { name: 'first', image: `${source.host}/library/alpine:3.12` });
      expect(
        await kubectl(
          'get',
          '--namespace',
          namespace,
          'deployment/first',
          '--output',
          'jsonpath={.metadata.generation}',
        ),
      ).toBe('1');
    });

    it('scaling copies nothing', async () => {
      const before = await uploadsTo(backup);
      await kubectl('scale', '--namespace', namespace, 'deployment/first', '--replicas=3');
      expect(await uploadsTo(backup)).toBe(before);
    });

    it('a dry run on the server copies nothing and says what would be', async () => {
      const { stderr } = await create(namespace, 'Deployment', {
        name: 'dry',
        image: `${source.host}/library/dry:3.12`,
        options: ['--dry-run=server'],
      });
      expect(stderr).toContain('would be copied');
      expect(
        (await backup.requests()).filter(({ path }) => path.includes('/dry/')).map(({ method }) => method),
      ).toEqual(['HEAD']);
    });

    it('each step of a copy is a line of the log', async () => {
      const lines = cloner
        .log()
        .filter(({ level }) => level === 'info')
        .map(({ msg }) => msg);
      expect(lines).toEqual(expect.arrayContaining(['Pulling image', 'Layer done', 'Image pushed']));
    });

    it('with the source stopped, a new Deployment with the same image gets the copy', async () => {
      await create(namespace, 'Deployment', { name: 'before', image: `${source.host}/library/gone:3.12` });
      await source.stop();
      try {
        // An API server that had no answer in time would have stored the source.
        await create(namespace, 'Deployment', { name: 'after', image: `${source.host}/library/gone:3.12` });
        expect(await imageOf(namespace, 'deployment/after')).toBe(copyOf('library/gone:3.12'));
      } finally {
        await source.start();
      }
    });
  });

  describe('of which the backup refuses', () => {
    it('every connection, because it is stopped: the source stays, the user is warned, the log says why', async () => {
      const stopped = await RegistryServer.start();
      await stopped.stop();
      expect(await attempt({ REGISTRY: `${stopped.host}/backup` })).toEqual(unchanged(/ECONNREFUSED/));
      await stopped.close();
    });

    it('the password: the source stays, the user is warned, the log says why', async () => {
      const locked = await RegistryServer.start({ users: { ada: 'right' } });
      expect(await attempt({ REGISTRY: `${locked.host}/backup` })).toEqual(unchanged(/401/));
      await locked.close();
    });

    it('more data, because it is full: the source stays, the user is warned, the log says why', async () => {
      const full = await RegistryServer.start({ storageBytes: 64 * 1024 });
      expect(await attempt({ REGISTRY: `${full.host}/backup` })).toEqual(unchanged(/5\d\d|no space/));
      await full.close();
    });

    it('anything: with onFailure deny the Deployment is refused with the reason', async () => {
      const locked = await RegistryServer.start({ users: { ada: 'right' } });
      const { code, stderr } = await attempt({ REGISTRY: `${locked.host}/backup`, COPY_ON_FAILURE: 'deny' });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('denied the request') });
      await locked.close();
    });
  });

  it('a large image is admitted at once with its source, and with its copy as soon as that is there', async () => {
    const large = await makeImage({ layers: [{ size: GIB, seed: 99 }] });
    await pushImage(repositoryAt(source.url, 'library/large'), large, '1');
    const { cloner, namespace } = await begin({ COPY_WAIT_SECONDS: '1' });
    try {
      const first = await create(namespace, 'Deployment', {
        name: 'first',
        image: `${source.host}/library/large:1`,
      });
      expect({ code: first.code, stderr: first.stderr }).toEqual({
        code: 0,
        stderr: expect.stringContaining('still being copied'),
      });
      expect(await imageOf(namespace, 'deployment/first')).toBe(`${source.host}/library/large:1`);
      await vi.waitUntil(() => cloner.log().some(({ msg }) => msg === 'Image pushed'), {
        timeout: 300_000,
        interval: 250,
      });
      // What is stored already is not changed by an apply: each try is a workload of its own.
      let number = 1;
      await vi.waitUntil(async () => {
        const name = `next-${(number += 1)}`;
        await create(namespace, 'Deployment', { name, image: `${source.host}/library/large:1` });
        return (await imageOf(namespace, `deployment/${name}`)) === copyOf('library/large:1');
      }, NOTED);
    } finally {
      await cloner.stop();
    }
  });

  it('nothing that is posted ends the process or harms the next request', async () => {
    const { cloner, namespace } = await begin();
    try {
      // An UPDATE of the largest Pod that etcd stores, all of it "<", which the API server writes as six bytes.
      expect(await cloner.post(update('\\u003c'.repeat(1_400_000)))).toBe(200);
      expect(await cloner.post(Buffer.alloc(33 * 1024 ** 2, 0x20))).toBe(413);
      expect(await cloner.post(Buffer.from('{"kind":'))).toBe(400);
      expect(await cloner.post(Buffer.from('{}'), { 'content-type': 'text/plain' })).toBe(415);
      const { code } = await create(namespace, 'Deployment', {
        name: 'after',
        image: `${source.host}/library/again:3.12`,
      });
      expect(code).toBe(0);
      expect(await imageOf(namespace, 'deployment/after')).toBe(copyOf('library/again:3.12'));
    } finally {
      await cloner.stop();
    }
  });
});
