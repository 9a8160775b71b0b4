import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startEmbedded } from '../fakes/embedded.ts';
import { type ImageOptions, type MadeImage, makeImage, makeIndex } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { output, run } from './harness/command.ts';
import { Containerd, type ContainerdVersion } from './harness/containerd.ts';
import { DockerEngine } from './harness/docker-engine.ts';
import { canRun } from './harness/need.ts';
import { programOf } from './harness/part.ts';
import { RegistryServer } from './harness/registry-server.ts';
import { WorkFolder } from './harness/work-folder.ts';

// Copies made by the command, judged by programs that others wrote.

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const NATIVE = arch === 'x64' ? 'amd64' : arch;
const PLATFORMS = [...new Set([NATIVE, 'amd64', 's390x', 'arm64'])].slice(0, 3);
const CHART = 'application/vnd.cncf.helm.config.v1+json';

const Result = z.object({
  digest: z.string(),
  present: z.boolean(),
  bytes: z.number(),
  blobs: z.object({ copied: z.number(), mounted: z.number(), present: z.number() }),
  referrers: z.number(),
  requests: z.object({ source: z.number(), target: z.number() }),
});

async function copy(...args: readonly string[]): Promise<z.infer<typeof Result>> {
  return Result.parse(JSON.parse(await output(process.execPath, [MAIN, 'copy', '--json', ...args])));
}

/** Layers that can be unpacked, by a seed. */
async function imageOf(architecture: string, seed: number, options: ImageOptions = {}): Promise<MadeImage> {
  const layers = [
    { size: 300_000, seed: 1 },
    { size: 100_000, seed },
  ];
  return makeImage({ layers, platform: { os: 'linux', architecture }, runnable: true, ...options });
}

async function indexOf(seed: number): Promise<MadeImage> {
  return makeIndex(await Promise.all(PLATFORMS.map((name, at) => imageOf(name, seed + at))));
}

function digestOf({ content }: MadeImage): string {
  return content.descriptor.digest;
}

function skopeo(...args: readonly string[]): Promise<string> {
  return output(programOf('skopeo'), args);
}

function crane(...args: readonly string[]): Promise<string> {
  return output(programOf('crane'), [...args, '--insecure']).then((text) => text.trim());
}

const folder = new WorkFolder('copy');
afterAll(() => folder.remove());

describe
  .runIf(canRun('docker-registry', 'distribution', 'skopeo', 'crane', 'oras', 'regctl'))
  .each(['docker-registry', 'distribution'] as const)('a copy into %s', (part) => {
  let source: RegistryServer;
  let target: RegistryServer;

  beforeAll(async () => {
    [source, target] = await Promise.all([RegistryServer.start(), RegistryServer.start({ part })]);
  });

  afterAll(async () => {
    await Promise.all([source.close(), target.close()]);
  });

  function seed(name: string, image: MadeImage, tag?: string): Promise<void> {
    return pushImage(repositoryAt(source.url, name), image, tag);
  }

  function regctl(...args: readonly string[]): Promise<string> {
    const hosts = [source.host, target.host].flatMap((host) => ['--host', `reg=${host},tls=disabled`]);
    return output(programOf('regctl'), [...hosts, ...args]);
  }

  it.each([
    ['an image', () => imageOf(NATIVE, 2)],
    ['an index of three platforms', () => indexOf(20)],
    ['an image of Docker', () => imageOf(NATIVE, 3, { mediaTypes: 'docker' })],
  ])('of %s is whole, and the same', async (name, make) => {
    const image = await make();
    const path = name.replaceAll(' ', '-').toLowerCase();
    await seed(path, image, '1');
    const copied = `${target.host}/backup/${path}:1`;
    expect(await copy(`${source.host}/${path}:1`, copied)).toMatchObject({ digest: digestOf(image) });
    expect(await crane('digest', copied)).toBe(digestOf(image));
    await crane('validate', '--remote', copied);
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${copied}`);
    expect(raw).toBe(image.content.bytes.toString());
    const carried = `dir:${folder.file(`${part}-${path}`)}`;
    await skopeo(
      'copy',
      '--all',
      '--preserve-digests',
      '--src-tls-verify=false',
      `docker://${copied}`,
      carried,
    );
    expect((await regctl('manifest', 'head', copied)).trim()).toBe(digestOf(image));
    expect(await copy(`${source.host}/${path}:1`, copied)).toMatchObject({
      present: true,
      requests: { source: 1, target: 1 },
    });
  });

  it('counts its requests as the registries do', async () => {
    await seed('counted', await indexOf(40), '1');
    const [sourceBefore, targetBefore] = [await source.requests(), await target.requests()];
    const { requests, blobs } = await copy(`${source.host}/counted:1`, `${target.host}/backup/counted:1`);
    expect(blobs).toEqual({ copied: 7, mounted: 0, present: 0 });
    // On loopback the first request is a TLS handshake that fails, which is no request of HTTP.
    // A registry writes down what a long answer was to after that is out.
    await expect
      .poll(async () => (await source.requests()).length - sourceBefore.length)
      .toBe(requests.source);
    await expect
      .poll(async () => (await target.requests()).length - targetBefore.length)
      .toBe(requests.target);
    expect(requests.source + requests.target).toBe(3 * 7 + 3 * 3 + 3);
  });

  it('of some platforms is an index of these', async () => {
    await seed('platforms', await indexOf(60), '1');
    const copied = `${target.host}/backup/platforms:1`;
    await copy('--platform', 'linux/amd64,linux/s390x', `${source.host}/platforms:1`, copied);
    await crane('validate', '--remote', copied);
    const { manifests } = z
      .object({ manifests: z.array(z.object({ platform: z.object({ architecture: z.string() }) })) })
      .parse(JSON.parse(await crane('manifest', copied)));
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 's390x']);
  });

  it('inside one registry moves no byte', async () => {
    await pushImage(repositoryAt(target.url, 'here/app'), await imageOf(NATIVE, 80), '1');
    const copied = `${target.host}/there/app:1`;
    expect(await copy(`${target.host}/here/app:1`, copied)).toMatchObject({
      bytes: 0,
      blobs: { copied: 0, mounted: 3, present: 0 },
    });
    await crane('validate', '--remote', copied);
  });

  it('comes through a layout that others read and write', async () => {
    const image = await indexOf(100);
    await seed('gap', image, '1');
    const layout = folder.file(`${part}-layout`);
    await copy(`${source.host}/gap:1`, `oci:${layout}:1`);
    const raw = await skopeo('inspect', '--raw', `oci:${layout}:1`);
    expect(raw).toBe(image.content.bytes.toString());
    const fetched = await output(programOf('oras'), [
      'manifest',
      'fetch',
      '--descriptor',
      '--oci-layout',
      `${layout}:1`,
    ]);
    expect(JSON.parse(fetched)).toMatchObject({ digest: digestOf(image) });
    await skopeo('copy', '--all', '--preserve-digests', `oci:${layout}:1`, `oci:${layout}-theirs:2`);
    await copy(`oci:${layout}-theirs:2`, `${target.host}/far/gap:1`);
    expect(await crane('digest', `${target.host}/far/gap:1`)).toBe(digestOf(image));
    await crane('validate', '--remote', `${target.host}/far/gap:1`);
  });

  it('brings a chart with its SBOM and its cosign signature', async () => {
    const { chart, sbom, signature } = await chartWithReferrers();
    await seed('chart', chart, '1');
    await seed('chart', signature, `${tagOf(chart)}.sig`);
    await attach(sbom, 'chart');
    const copied = `${target.host}/backup/chart:1`;
    const result = await copy('--referrers', `${source.host}/chart:1`, copied);
    expect(result).toMatchObject({ digest: digestOf(chart), referrers: 2 });
    expect(await crane('digest', `${target.host}/backup/chart:${tagOf(chart)}.sig`)).toBe(
      digestOf(signature),
    );
    expect(await discovered(copied)).toEqual([digestOf(sbom)]);
    const listed = await regctl(
      'artifact',
      'list',
      '--format',
      '{{range .Descriptors}}{{.Digest}} {{end}}',
      copied,
    );
    expect(listed.trim()).toBe(digestOf(sbom));
  });

  it('leaves what somebody else keeps under the tag for the list of its referrers', async () => {
    const { chart, sbom } = await chartWithReferrers();
    await seed('shared', chart, '1');
    await attach(sbom, 'shared');
    const stranger = await imageOf(NATIVE, 40);
    await pushImage(repositoryAt(target.url, 'backup/shared'), stranger, tagOf(chart));
    const copied = `${target.host}/backup/shared`;
    expect(await copy('--referrers', `${source.host}/shared:1`, `${copied}:1`)).toMatchObject({
      digest: digestOf(chart),
      referrers: 1,
    });
    expect(await crane('digest', `${copied}:${tagOf(chart)}`)).toBe(digestOf(stranger));
    expect(await crane('digest', `${copied}@${digestOf(sbom)}`)).toBe(digestOf(sbom));
  });

  /** By a program that writes the list of referrers itself. */
  async function attach(referrer: MadeImage, repository: string): Promise<void> {
    await output(programOf('oras'), [
      'cp',
      '--from-oci-layout',
      `${await layoutOf(referrer, `sbom-${repository}`)}:sbom-${repository}`,
      '--to-plain-http',
      `${source.host}/${repository}:sbom`,
    ]);
  }

  async function layoutOf(image: MadeImage, tag: string): Promise<string> {
    const path = folder.file(`${part}-${tag}`);
    const embedded = await startEmbedded();
    try {
      await pushImage(repositoryAt(embedded.url, tag), image, tag);
      await copy(`${new URL(embedded.url).host}/${tag}:${tag}`, `oci:${path}:${tag}`);
    } finally {
      await embedded.close();
    }
    return path;
  }
});

describe.runIf(canRun('oras', 'crane'))(
  'a copy into the embedded registry, which lists referrers itself',
  () => {
    it('brings an SBOM that is found by the referrers API', async () => {
      const embedded = await startEmbedded();
      try {
        const { host } = new URL(embedded.url);
        const { chart, sbom } = await chartWithReferrers();
        const repository = repositoryAt(embedded.url, 'chart');
        await pushImage(repository, chart, '1');
        await pushImage(repository, sbom);
        expect(await copy('--referrers', `${host}/chart:1`, `${host}/backup/chart:1`)).toMatchObject({
          referrers: 1,
        });
        expect(await discovered(`${host}/backup/chart:1`)).toEqual([digestOf(sbom)]);
        expect(
          (await run(programOf('crane'), ['digest', '--insecure', `${host}/backup/chart:${tagOf(chart)}`]))
            .code,
        ).toBe(1);
      } finally {
        await embedded.close();
      }
    });
  },
);

describe.runIf(canRun('docker-registry', 'dockerd', 'dockerd-later', 'containerd', 'root'))(
  'a copy is pulled',
  () => {
    let registry: RegistryServer;
    let reference: string;
    let native: string;

    beforeAll(async () => {
      registry = await RegistryServer.start();
      const image = await indexOf(120);
      native = image.children.map(digestOf)[PLATFORMS.indexOf(NATIVE)] ?? '';
      await pushImage(repositoryAt(registry.url, 'source/app'), image, '1');
      reference = `${registry.host}/backup/app:1`;
      await copy(`${registry.host}/source/app:1`, reference);
    });

    afterAll(() => registry.close());

    it.each([
      { version: '20.10', imageStore: 'classic' },
      { version: '28', imageStore: 'classic' },
      { version: '28', imageStore: 'containerd' },
    ] as const)('by Docker $version with the $imageStore image store', async (options) => {
      const engine = await DockerEngine.start(options);
      try {
        const { code, stderr } = await engine.docker(['pull', reference]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        const inspected = await engine.docker([
          'image',
          'inspect',
          '--format={{json .RepoDigests}}',
          reference,
        ]);
        expect(inspected.stdout).toContain(await crane('digest', reference));
      } finally {
        await engine.stop();
      }
    });

    it.each<ContainerdVersion>(['1.6', '2'])('by containerd %s', async (version) => {
      const containerd = await Containerd.start(version);
      try {
        const pulled = await containerd.ctr('images', 'pull', '--local', '--plain-http', reference);
        expect({ code: pulled.code, stderr: pulled.stderr }).toMatchObject({ code: 0 });
        const { stdout } = await containerd.ctr('images', 'list', `name==${reference}`);
        expect(stdout).toContain(await crane('digest', reference));
        expect((await containerd.ctr('content', 'list', '--quiet')).stdout).toContain(native);
      } finally {
        await containerd.stop();
      }
    });
  },
);

interface Chart {
  readonly chart: MadeImage;
  readonly sbom: MadeImage;
  readonly signature: MadeImage;
}

async function chartWithReferrers(): Promise<Chart> {
  const chart = await makeImage({ configType: CHART, layers: [{ size: 5_000, seed: 7 }] });
  const sbom = await makeImage({
    artifactType: 'application/spdx+json',
    subject: chart.content.descriptor,
    layers: [{ size: 3_000, seed: 8 }],
  });
  return { chart, sbom, signature: await makeImage({ layers: [{ size: 500, seed: 9 }] }) };
}

/** `sha256-<hex>` */
function tagOf(image: MadeImage): string {
  return digestOf(image).replace(':', '-');
}

/** What oras finds that refers to it. */
async function discovered(reference: string): Promise<string[]> {
  const found = await output(programOf('oras'), ['discover', '--plain-http', '--format', 'json', reference]);
  const { referrers } = z
    .object({ referrers: z.array(z.object({ digest: z.string() })) })
    .parse(JSON.parse(found));
  return referrers.map(({ digest }) => digest);
}
