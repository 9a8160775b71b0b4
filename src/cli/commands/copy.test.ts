import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answer, refusal } from '../../../test/fakes/answer.ts';
import { startProxy } from '../../../test/fakes/connect-proxy.ts';
import { FakeProgram } from '../../../test/fakes/fake-program.ts';
import { makeLoopbackCertificate } from '../../../test/fakes/loopback-certificate.ts';
import { type RunningProgram, start } from '../../../test/fakes/running-program.ts';
import {
  type RegistryOptions,
  type ScriptedRegistry,
  startRegistry,
} from '../../../test/fakes/scripted-registry.ts';
import { tempFolder } from '../../../test/fakes/temp-folder.ts';
import { FakeTerminal } from '../../../test/fakes/terminal.ts';
import { type MadeImage, makeImage, makeIndex } from '../../../test/images/image.ts';
import { pushImage } from '../../../test/images/push.ts';
import type { Environment } from '../../config/process-environment.ts';
import { Layout } from '../../layout/layout.ts';

async function registry(options: RegistryOptions = {}): Promise<ScriptedRegistry> {
  const started = await startRegistry(options);
  onTestFinished(() => started.close());
  return started;
}

async function registryWith(image: MadeImage, tag = '1'): Promise<ScriptedRegistry> {
  return registry({ images: [{ repository: 'team/app', tag, image }] });
}

async function imageOf(architecture: string, seed: number, layers = 1): Promise<MadeImage> {
  const sizes = Array.from({ length: layers }, (_, index) => ({ size: 2000 + index, seed: seed + index }));
  return makeImage({ layers: sizes, platform: { os: 'linux', architecture } });
}

async function indexOfThree(): Promise<MadeImage> {
  return makeIndex(await Promise.all(['amd64', 'arm64', 's390x'].map((name, at) => imageOf(name, 10 * at))));
}

function digestOf({ content }: MadeImage): string {
  return content.descriptor.digest;
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** No settings of whoever runs the tests. */
const NOBODY: Environment = { DOCKER_CONFIG: '/nowhere' };

function begin(...args: readonly string[]): RunningProgram {
  return start(['copy', ...args], NOBODY);
}

async function copy(...args: readonly string[]): Promise<Ended> {
  const program = begin(...args);
  return { code: await program.ended, out: program.out, err: program.err };
}

/** A copy that works, told as JSON. */
async function told(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await copy('--json', ...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const result: Record<string, unknown> = JSON.parse(out);
  return result;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

describe('a copy from registry to registry', () => {
  test('is one line of JSON for --json', async () => {
    const image = await imageOf('amd64', 1, 3);
    const [source, target] = [await registryWith(image), await registry()];
    const { out, err } = await copy('--json', `${source.host}/team/app:1`, `${target.host}/backup/app:2`);
    expect(err).toBe('');
    expect(out.split('\n')).toHaveLength(2);
    const size = image.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(JSON.parse(out)).toEqual({
      source: `${source.host}/team/app:1`,
      target: `${target.host}/backup/app:2`,
      digest: digestOf(image),
      mediaType: image.content.descriptor.mediaType,
      present: false,
      bytes: size,
      blobs: { copied: 4, mounted: 0, present: 0 },
      referrers: 0,
      requests: { source: expect.any(Number), target: expect.any(Number) },
      durationMs: expect.any(Number),
    });
    expect(target.manifest('backup/app', '2')).toEqual(image.content.bytes);
  });

  test('tells the requests that the registries have counted', async () => {
    const image = makeIndex([await imageOf('amd64', 1, 3), await imageOf('arm64', 5, 3)]);
    const [source, target] = [await registryWith(image), await registry()];
    const { requests } = await told(`${source.host}/team/app:1`, `${target.host}/backup/app:2`);
    expect(requests).toEqual({ source: source.requests().length, target: target.requests().length });
    expect(source.requests().length + target.requests().length).toBe(3 * 8 + 3 * 2 + 3);
  });

  test('that is there already costs two requests', async () => {
    const image = await indexOfThree();
    const [source, target] = [await registryWith(image), await registry()];
    await told(`${source.host}/team/app:1`, `${target.host}/backup/app:2`);
    expect(await told(`${source.host}/team/app:1`, `${target.host}/backup/app:2`)).toMatchObject({
      present: true,
      bytes: 0,
      blobs: { copied: 0, mounted: 0, present: 0 },
      requests: { source: 1, target: 1 },
    });
    const { out } = await copy(`${source.host}/team/app:1`, `${target.host}/backup/app:2`);
    expect(out).toBe(`${target.host}/backup/app:2 is there already, ${digestOf(image)}\n`);
  });

  test('takes a tag over from what had it', async () => {
    const [old, image] = [await imageOf('amd64', 1), await imageOf('amd64', 7)];
    const source = await registryWith(image);
    const target = await registry({ images: [{ repository: 'app', tag: '1', image: old }] });
    expect(await told(`${source.host}/team/app:1`, `${target.host}/x/app:1`)).toMatchObject({
      present: false,
    });
    expect(target.manifest('x/app', '1')).toEqual(image.content.bytes);
  });

  test('inside one registry sends nothing', async () => {
    const image = await imageOf('amd64', 1, 3);
    const both = await registryWith(image);
    const result = await told(`${both.host}/team/app:1`, `${both.host}/backup/app:1`);
    expect(result).toMatchObject({ bytes: 0, blobs: { copied: 0, mounted: 4, present: 0 } });
    expect(both.requests('PUT', /blobs/)).toEqual([]);
    expect(both.manifest('backup/app', '1')).toEqual(image.content.bytes);
  });

  test('knows what the target has of it', async () => {
    const [shared, image] = [await imageOf('amd64', 1, 2), await imageOf('amd64', 1, 3)];
    const source = await registryWith(image);
    const target = await registry({ images: [{ repository: 'backup/app', tag: 'old', image: shared }] });
    expect(await told(`${source.host}/team/app:1`, `${target.host}/backup/app:1`)).toMatchObject({
      blobs: { copied: 2, mounted: 0, present: 2 },
    });
  });

  test('by digest needs no tag', async () => {
    const image = await imageOf('amd64', 1);
    const [source, target] = [await registryWith(image), await registry()];
    const digest = digestOf(image);
    await told(`${source.host}/team/app@${digest}`, `${target.host}/backup/app@${digest}`);
    expect(target.tags('backup/app')).toEqual([]);
    expect(target.manifest('backup/app', digest)).toEqual(image.content.bytes);
  });
});

describe('a copy across an air gap', () => {
  test.each([
    ['an image', () => imageOf('amd64', 1, 2)],
    ['an index', indexOfThree],
    [
      'a chart',
      () =>
        makeImage({
          configType: 'application/vnd.cncf.helm.config.v1+json',
          annotations: { 'org.opencontainers.image.title': 'chart' },
        }),
    ],
    ['an artifact', () => makeImage({ artifactType: 'application/spdx+json' })],
  ])('brings %s over, byte for byte', async (_name, make) => {
    const image = await make();
    const [source, target, folder] = [await registryWith(image), await registry(), await tempFolder()];
    const layout = `oci:${join(folder, 'carry')}:1`;
    expect(await told(`${source.host}/team/app:1`, layout)).toMatchObject({
      digest: digestOf(image),
      target: layout,
      requests: { source: source.requests().length, target: 0 },
    });
    expect(await told(layout, `${target.host}/far/app:1`)).toMatchObject({
      digest: digestOf(image),
      source: layout,
      requests: { source: 0, target: target.requests().length },
    });
    expect(target.manifest('far/app', '1')).toEqual(image.content.bytes);
  });

  test('takes the one tag of a layout without being told', async () => {
    const image = await imageOf('amd64', 1);
    const [folder, target] = [await tempFolder(), await registry()];
    await pushImage(await Layout.create(folder), image, 'v9');
    expect(await told(`oci:${folder}`, `${target.host}/far/app:1`)).toMatchObject({
      digest: digestOf(image),
    });
  });

  test('reads and writes a layout by digest', async () => {
    const image = await imageOf('amd64', 1);
    const [source, target, folder] = [await registryWith(image), await registry(), await tempFolder()];
    await told(`${source.host}/team/app:1`, `oci:${folder}`);
    expect(await (await Layout.open(folder)).tags()).toEqual([]);
    await told(`oci:${folder}@${digestOf(image)}`, `${target.host}/far/app:1`);
    expect(target.manifest('far/app', '1')).toEqual(image.content.bytes);
  });

  test.each([
    ['several tags', ['a', 'b'], 'it has a, b'],
    ['no tag', [], 'it has none'],
  ])('wants to be told which, of a layout with %s', async (_name, tags, said) => {
    const folder = await tempFolder();
    const layout = await Layout.create(folder);
    for (const tag of tags) await pushImage(layout, await imageOf('amd64', 1), tag);
    const { code, err } = await copy(`oci:${folder}`, `oci:${folder}:new`);
    expect(code).toBe(2);
    expect(err).toContain(
      `Cannot use "oci:${folder}": wanted ":tag" or "@digest" behind the folder, ${said}`,
    );
  });

  test('takes over what arrived whole before an interruption', async () => {
    const image = await imageOf('amd64', 1, 3);
    const [source, folder] = [await registryWith(image), join(await tempFolder(), 'carry')];
    source.play({ path: /blobs/, nth: 3, answer: refusal(403, 'DENIED') });
    expect((await copy('--concurrency', '1', `${source.host}/team/app:1`, `oci:${folder}:1`)).code).toBe(1);
    const arrived = (await filesIn(join(folder, 'blobs'))).length;
    expect(arrived).toBeGreaterThan(0);
    expect(await told(`${source.host}/team/app:1`, `oci:${folder}:1`)).toMatchObject({
      blobs: { copied: 4 - arrived, present: arrived },
    });
  });
});

describe('--platform', () => {
  test('of one platform copies that image by itself', async () => {
    const image = await indexOfThree();
    const [source, target] = [await registryWith(image), await registry()];
    const args = ['--platform', 'linux/arm64', `${source.host}/team/app:1`, `${target.host}/app/x:1`];
    const [, child] = image.children;
    expect(await told(...args)).toMatchObject({ digest: child && digestOf(child) });
    expect(target.manifest('app/x', '1')).toEqual(child?.content.bytes);
  });

  test.each([
    [['--platform', 'linux/amd64', '--platform', 'linux/s390x']],
    [['--platform', 'linux/amd64,linux/s390x']],
  ])('%j copies an index of these alone', async (options) => {
    const image = await indexOfThree();
    const [source, target] = [await registryWith(image), await registry()];
    const { digest } = await told(...options, `${source.host}/team/app:1`, `${target.host}/app/x:1`);
    expect(digest).not.toBe(digestOf(image));
    const bytes = target.manifest('app/x', '1')?.toString() ?? '{}';
    const { manifests }: { manifests: { digest: string }[] } = JSON.parse(bytes);
    const wanted = image.children.filter((_, index) => index !== 1).map(digestOf);
    expect(manifests.map((child) => child.digest)).toEqual(wanted);
  });

  test('that is not there is an error that names those that are', async () => {
    const [source, target] = [await registryWith(await indexOfThree()), await registry()];
    const args = ['--platform', 'linux/riscv64', `${source.host}/team/app:1`, `${target.host}/app/x:1`];
    const { code, err } = await copy(...args);
    expect(code).toBe(1);
    expect(err).toContain(
      'wanted platform linux/riscv64, the index has linux/amd64, linux/arm64, linux/s390x',
    );
    expect(target.requests('POST')).toEqual([]);
  });
});

/** An image with an SBOM that refers to it, and a signature as cosign before version 3 makes it. */
async function withReferrers(traits: RegistryOptions['traits'] = {}) {
  const image = await imageOf('amd64', 1);
  const sbom = await makeImage({
    artifactType: 'application/spdx+json',
    subject: image.content.descriptor,
    layers: [{ size: 300, seed: 9 }],
  });
  const signature = await makeImage({ layers: [{ size: 200, seed: 11 }] });
  const source = await registry({
    traits,
    images: [
      { repository: 'team/app', tag: '1', image },
      { repository: 'team/app', image: sbom },
      { repository: 'team/app', tag: `${digestOf(image).replace(':', '-')}.sig`, image: signature },
    ],
  });
  return { image, sbom, signature, source };
}

describe('--referrers', () => {
  test('brings an SBOM and a cosign signature along, and counts their bytes', async () => {
    const { image, sbom, signature, source } = await withReferrers();
    const target = await registry();
    const args = [`${source.host}/team/app:1`, `${target.host}/backup/app:1`];
    const plain = await told(`${source.host}/team/app:1`, `${target.host}/other/app:1`);
    const result = await told('--referrers', ...args);
    expect(result).toMatchObject({ referrers: 2, digest: digestOf(image) });
    expect(Number(result['bytes'])).toBeGreaterThan(Number(plain['bytes']) + 500 - 1);
    expect(target.manifest('backup/app', digestOf(sbom))).toEqual(sbom.content.bytes);
    const tag = `${digestOf(image).replace(':', '-')}.sig`;
    expect(target.manifest('backup/app', tag)).toEqual(signature.content.bytes);
  });

  test('writes the list of them where the target keeps none', async () => {
    const { image, sbom, source } = await withReferrers();
    const target = await registry({ traits: { referrers: false } });
    await told('--referrers', `${source.host}/team/app:1`, `${target.host}/backup/app:1`);
    const list = target.manifest('backup/app', digestOf(image).replace(':', '-'))?.toString() ?? '{}';
    expect(JSON.parse(list)).toMatchObject({ manifests: [{ digest: digestOf(sbom) }] });
  });

  test('leaves what else is under the tag for that list, and says so', async () => {
    const { image, sbom, source } = await withReferrers();
    const target = await registry({ traits: { referrers: false } });
    const tag = digestOf(image).replace(':', '-');
    const kept = await imageOf('arm64', 7);
    await target.seed({ repository: 'backup/app', tag, image: kept });
    const { code, out, err } = await copy(
      '--json',
      '--referrers',
      `${source.host}/team/app:1`,
      `${target.host}/backup/app:1`,
    );
    expect([code, JSON.parse(out)]).toMatchObject([0, { referrers: 2 }]);
    expect(err).toBe(
      `image-cloner: ${target.host}/backup/app:${tag} holds something else and stays: ${digestOf(sbom)} is there, and is listed nowhere\n`,
    );
    expect(target.manifest('backup/app', tag)).toEqual(kept.content.bytes);
    expect(target.manifest('backup/app', digestOf(sbom))).toEqual(sbom.content.bytes);
  });

  test('carries them through a layout', async () => {
    const { sbom, source } = await withReferrers();
    const [target, folder] = [await registry(), await tempFolder()];
    await told('--referrers', `${source.host}/team/app:1`, `oci:${folder}:1`);
    const result = await told('--referrers', `oci:${folder}:1`, `${target.host}/far/app:1`);
    expect(result).toMatchObject({ referrers: 2 });
    expect(target.manifest('far/app', digestOf(sbom))).toEqual(sbom.content.bytes);
  });

  test('of an image without any is no fault, and without the option they stay', async () => {
    const [source, target] = [await registryWith(await imageOf('amd64', 3)), await registry()];
    const args = [`${source.host}/team/app:1`, `${target.host}/backup/app:1`];
    expect(await told('--referrers', ...args)).toMatchObject({ referrers: 0 });
    const { sbom, source: full } = await withReferrers();
    expect(await told(`${full.host}/team/app:1`, `${target.host}/plain/app:1`)).toMatchObject({
      referrers: 0,
    });
    expect(target.manifest('plain/app', digestOf(sbom))).toBeUndefined();
  });
});

/** @returns Docker's folder */
async function dockerConfig(content: object): Promise<string> {
  const folder = await tempFolder();
  await writeFile(join(folder, 'config.json'), JSON.stringify(content));
  return folder;
}

describe('credentials', () => {
  const ACCOUNT = { username: 'backup', password: 'hunter2-hunter2' };

  test('are those of docker login', async () => {
    const image = await imageOf('amd64', 1);
    const [source, target] = [await registryWith(image), await registry({ auth: { basic: ACCOUNT } })];
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
    const folder = await dockerConfig({ auths: { [target.host]: { auth } } });
    const args = ['copy', `${source.host}/team/app:1`, `${target.host}/backup/app:1`];
    const program = start(args, { DOCKER_CONFIG: folder });
    expect(await program.ended).toBe(0);
    expect(source.requests().filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    expect(program.out + program.err).not.toContain('hunter2');
  });

  test('come from the credential helper that Docker would ask', async () => {
    const image = await imageOf('amd64', 1);
    const [source, target] = [await registryWith(image), await registry({ auth: { basic: ACCOUNT } })];
    const bin = await tempFolder();
    const secret = { Username: ACCOUNT.username, Secret: ACCOUNT.password };
    await FakeProgram.write(bin, 'docker-credential-test', { output: JSON.stringify(secret) });
    const folder = await dockerConfig({ credHelpers: { [target.host]: 'test' } });
    const args = ['copy', `${source.host}/team/app:1`, `${target.host}/backup/app:1`];
    const program = start(args, { DOCKER_CONFIG: folder, PATH: bin });
    expect([await program.ended, program.err]).toEqual([0, expect.any(String)]);
  });

  test('that are missing end with 1 and say where', async () => {
    const image = await imageOf('amd64', 1);
    const [source, target] = [await registryWith(image), await registry({ auth: { basic: ACCOUNT } })];
    const { code, err } = await copy(`${source.host}/team/app:1`, `${target.host}/backup/app:1`);
    expect(code).toBe(1);
    expect(err).toMatch(/target failed to .*401/);
  });
});

describe('certificates', () => {
  test('of a registry with its own authority are in the folder that --certs-dir names', async () => {
    const image = await imageOf('amd64', 1);
    const { ca, cert, key } = await makeLoopbackCertificate();
    const [source, target] = [await registryWith(image), await registry({ tls: { cert, key } })];
    const args = [`${source.host}/team/app:1`, `${target.host}/backup/app:1`];
    expect(await copy(...args)).toMatchObject({ code: 1, err: expect.stringContaining('certificate') });
    const dir = await tempFolder();
    await mkdir(join(dir, target.host));
    await writeFile(join(dir, target.host, 'ca.crt'), ca);
    expect(await told('--certs-dir', dir, ...args)).toMatchObject({ digest: digestOf(image) });
  });
});

describe('HTTPS_PROXY', () => {
  test('is asked for the way to a registry', async () => {
    const proxy = await startProxy();
    onTestFinished(() => proxy.close());
    const environment = { ...NOBODY, HTTPS_PROXY: proxy.url };
    const program = start(['copy', 'registry.test/team/app:1', 'oci:/nowhere/at/all:1'], environment);
    await expect.poll(() => proxy.asked).toContain('registry.test:443');
    program.signal('SIGINT');
    expect(await program.ended).toBe(130);
  });

  test('that is no URL ends with 2', async () => {
    const program = start(['copy', 'registry.test/app:1', 'b:1'], { ...NOBODY, HTTPS_PROXY: 'socks5://x' });
    expect(await program.ended).toBe(2);
    expect(program.err).toContain('Cannot use HTTPS_PROXY');
  });
});

describe('an interrupted copy', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'to a registry, by %s in the middle of an upload, leaves no upload and no tag',
    async (signal) => {
      const [source, target] = [await registryWith(await imageOf('amd64', 1, 3)), await registry()];
      const held = Promise.withResolvers<void>();
      onTestFinished(() => held.resolve());
      target.play({ method: 'PUT', path: /blobs/, wait: held.promise });
      const program = begin(`${source.host}/team/app:1`, `${target.host}/backup/app:1`);
      await target.seen('PUT', /blobs/);
      program.signal(signal);
      expect(await program.ended).toBe(130);
      expect(program.err).toContain('image-cloner: interrupted');
      expect(program.out).toBe('');
      expect(target.openUploads()).toBe(0);
      expect(target.tags('backup/app')).toEqual([]);
    },
  );

  test('to a layout leaves nothing half written, and no folder when nothing arrived', async () => {
    const [source, parent] = [await registryWith(await imageOf('amd64', 1, 3)), await tempFolder()];
    const held = Promise.withResolvers<void>();
    onTestFinished(() => held.resolve());
    source.play({ path: /blobs/, pause: { afterBytes: 1, until: held.promise } });
    const program = begin(`${source.host}/team/app:1`, `oci:${join(parent, 'carry')}:1`);
    await source.seen('GET', /blobs/);
    program.signal('SIGINT');
    expect(await program.ended).toBe(130);
    expect(await readdir(parent)).toEqual([]);
  });

  test('to a layout that is there leaves it as it was', async () => {
    const [source, folder] = [await registryWith(await imageOf('amd64', 1, 3)), await tempFolder()];
    await pushImage(await Layout.create(folder), await imageOf('amd64', 50), 'before');
    const before = await filesIn(folder);
    const held = Promise.withResolvers<void>();
    onTestFinished(() => held.resolve());
    source.play({ path: /blobs/, wait: held.promise });
    const program = begin(`${source.host}/team/app:1`, `oci:${folder}:1`);
    await source.seen('GET', /blobs/);
    program.signal('SIGINT');
    expect(await program.ended).toBe(130);
    expect((await filesIn(folder)).toSorted()).toEqual(before.toSorted());
    expect(await (await Layout.open(folder)).tags()).toEqual(['before']);
  });

  test('ends at once with a second signal', async () => {
    const [source, target] = [await registryWith(await imageOf('amd64', 1)), await registry()];
    const held = Promise.withResolvers<void>();
    source.play({ path: /manifests/, wait: held.promise });
    const program = begin(`${source.host}/team/app:1`, `${target.host}/backup/app:1`);
    await source.seen('GET', /manifests/);
    program.signal('SIGTERM');
    program.signal('SIGTERM');
    expect(program.left).toEqual([143]);
    held.resolve();
    await program.ended;
  });
});

describe('what goes wrong', () => {
  test.each([
    ['no target', ['a:1'], /missing required argument 'target'/],
    ['an argument too many', ['a:1', 'b:1', 'c:1'], /too many arguments/],
    ['a bad source', ['A:1', 'b:1'], /Cannot read image reference "A:1"/],
    ['a bad target', ['oci:/nowhere:a:b', 'b:1'], /Cannot use "oci:\/nowhere:a:b": wanted "oci:DIR"/],
    ['a layout without a folder', ['oci:', 'b:1'], /Cannot use "oci:": wanted "oci:DIR"/],
    ['half a digest', ['oci:x@sha256:ab', 'b:1'], /Cannot use "oci:x@sha256:ab"/],
    ['a bad platform', ['--platform', 'linux', 'a:1', 'b:1'], /Cannot read platform "linux"/],
    ['half a platform', ['--platform', 'linux/', 'a:1', 'b:1'], /Cannot read platform "linux\/"/],
    ['no concurrency', ['--concurrency', '0', 'a:1', 'b:1'], /wanted a whole number from 1 to 64/],
    ['too much concurrency', ['--concurrency', '65', 'a:1', 'b:1'], /wanted a whole number from 1 to 64/],
    ['concurrency in words', ['--concurrency', 'all', 'a:1', 'b:1'], /wanted a whole number from 1 to 64/],
  ])('%s ends with 2', async (_name, args, message) => {
    const { code, out, err } = await copy(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  test('a bad target is found before the source is asked', async () => {
    const source = await registryWith(await imageOf('amd64', 1));
    expect((await copy(`${source.host}/team/app:1`, 'Nope:1')).code).toBe(2);
    expect(source.requests()).toEqual([]);
  });

  test('a source that is not there ends with 1, says so, and leaves no folder', async () => {
    const [source, parent] = [await registry(), await tempFolder()];
    const { code, err } = await copy(`${source.host}/team/app:1`, `oci:${join(parent, 'carry')}:1`);
    expect(code).toBe(1);
    expect(err).toMatch(/image-cloner: source failed to read manifest 1: .*404/);
    expect(await readdir(parent)).toEqual([]);
  });

  test('a folder that holds something else is left alone', async () => {
    const [source, folder] = [await registryWith(await imageOf('amd64', 1)), await tempFolder()];
    await writeFile(join(folder, 'thesis.txt'), 'mine');
    const { code, err } = await copy(`${source.host}/team/app:1`, `oci:${folder}:1`);
    expect(code).toBe(1);
    expect(err).toContain('wanted an empty directory or a layout');
    expect(await filesIn(folder)).toEqual(['thesis.txt']);
  });

  test('an empty folder becomes a layout', async () => {
    const [source, parent] = [await registryWith(await imageOf('amd64', 1)), await tempFolder()];
    await mkdir(join(parent, 'carry'));
    await told(`${source.host}/team/app:1`, `oci:${join(parent, 'carry')}:1`);
    expect(JSON.parse(await readFile(join(parent, 'carry/oci-layout'), 'utf8'))).toEqual({
      imageLayoutVersion: '1.0.0',
    });
  });

  test('a target that is full ends with 1 and says which blob it refused', async () => {
    const image = await imageOf('amd64', 1);
    const [source, target] = [await registryWith(image), await registry()];
    target.play({ method: 'PUT', path: /blobs/, answer: answer(413) });
    const { code, err } = await copy(`${source.host}/team/app:1`, `${target.host}/backup/app:1`);
    expect(code).toBe(1);
    expect(err).toMatch(/target failed to copy blob sha256:[0-9a-f]{64}: .*413/);
    expect(target.openUploads()).toBe(0);
  });
});

describe('what a person sees', () => {
  test('without a terminal is a line for each step, and the result', async () => {
    const image = await imageOf('amd64', 1, 2);
    const [source, target] = [await registryWith(image), await registry()];
    const { out, err } = await copy(`${source.host}/team/app:1`, `${target.host}/backup/app:1`);
    const lines = err.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^copying 3 blobs, 4\.\d KiB$/);
    expect(lines.slice(1).map((line) => line.replace(/ in .*/, ''))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^pushed {3}sha256:[0-9a-f]{64} 2\.0 KiB$/)]),
    );
    expect(lines).toHaveLength(4);
    expect(out).toMatch(/3 blobs sent \(4\.\d KiB\), 0 mounted, 0 there before, in \d+\.\d s\n$/);
  });

  test('on a terminal are bars, which are gone at the end', async () => {
    const [source, target] = [await registryWith(await imageOf('amd64', 1, 2)), await registry()];
    const held = Promise.withResolvers<void>();
    target.play({ method: 'PUT', path: /manifests/, wait: held.promise });
    const args = ['copy', `${source.host}/team/app:1`, `${target.host}/backup/app:1`];
    const program = start(args, NOBODY, { columns: 200 });
    await expect.poll(() => program.err).toMatch(/total {8}\[#{24}\] (4\.\d KiB) of \1\n/);
    held.resolve();
    expect(await program.ended).toBe(0);
    const terminal = new FakeTerminal();
    terminal.write(program.err);
    expect(terminal.lines).toEqual([]);
    expect(program.out).toContain('3 blobs sent');
  });
});

test('loads what it needs and no more', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = new Set();
    registerHooks({ resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      loaded.add(/\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(found.url)?.[1]);
      return found;
    } });
    const { run } = await import(${JSON.stringify(new URL('../program.ts', import.meta.url).href)});
    const ignore = () => {};
    const surroundings = { out: ignore, err: ignore, process: { on: ignore }, leave: ignore, environment: {} };
    await run(['copy', 'oci:/nowhere', 'oci:/nowhere'], surroundings);
    console.log(JSON.stringify([...loaded].filter(Boolean).sort()));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  expect(JSON.parse(stdout)).toEqual(['commander', 'p-limit', 'undici', 'yocto-queue']);
});
