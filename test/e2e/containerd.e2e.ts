import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { arch } from 'node:process';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAll } from '../../src/cli/found-image.ts';
import { Containerd } from '../../src/containerd/containerd.ts';
import type { ContainerdEvent } from '../../src/containerd/held.ts';
import { Copier } from '../../src/copy/copier.ts';
import type { CopyEvent } from '../../src/copy/event.ts';
import type { Credential, Origin } from '../../src/copy/origin.ts';
import type { Outcome } from '../../src/copy/outcome.ts';
import { formatReference, parseReference } from '../../src/image/reference.ts';
import { Client } from '../../src/registry/client.ts';
import { Repository } from '../../src/registry/repository.ts';
import { type ImageOptions, type MadeImage, makeImage, makeIndex } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { output, run } from './harness/command.ts';
import { Containerd as Daemon } from './harness/containerd.ts';
import { canRun } from './harness/need.ts';
import { programOf } from './harness/part.ts';
import { RegistryServer } from './harness/registry-server.ts';
import { WorkFolder } from './harness/work-folder.ts';

// What a containerd of this machine holds, put into a registry by our engine after its source is gone.

const MIB = 1024 * 1024;
const OWN = arch === 'x64' ? 'amd64' : arch;
const OTHER = OWN === 'arm64' ? 'amd64' : 'arm64';
const ADA = 'ada:love:lace';
const CREDENTIAL: Credential = { kind: 'basic', username: 'ada', password: 'love:lace' };
const never = new AbortController().signal;

/** Layers that a containerd can unpack, by a seed. */
function imageOf(seed: number, options: ImageOptions = {}): Promise<MadeImage> {
  const layers = [
    { size: 300_000, seed: 1_000 },
    { size: 100_000, seed },
  ];
  return makeImage({ layers, platform: { os: 'linux', architecture: OWN }, runnable: true, ...options });
}

async function indexOf(seed: number): Promise<readonly [MadeImage, MadeImage, MadeImage]> {
  const own = await imageOf(seed);
  const other = await imageOf(seed + 1, { platform: { os: 'linux', architecture: OTHER } });
  return [makeIndex([other, own]), own, other];
}

function digestOf({ content }: MadeImage): string {
  return content.descriptor.digest;
}

function crane(...args: readonly string[]): Promise<string> {
  return output(programOf('crane'), [...args, '--insecure']).then((text) => text.trim());
}

/** What the registry has under a name, byte for byte, as a program of others sees it. */
function raw(name: string): Promise<string> {
  return output(programOf('skopeo'), ['inspect', '--raw', '--tls-verify=false', `docker://${name}`]);
}

/** What a pull of containerd's says of each layer in the end: that it came, or that it is that of another image. */
const ENDS: ReadonlySet<string> = new Set(['complete', 'already exists']);

/** Layers of which the daemon said that it has them, as it calls them; of manifests it says so too. */
function finishedLayers(events: readonly CopyEvent[], image: MadeImage): readonly string[] {
  const layers = events.flatMap((event) =>
    event.type === 'origin-progress' && ENDS.has(event.status) ? [event.layer] : [],
  );
  return layersOf(image).filter((layer) => layers.includes(layer));
}

/** `complete 0123456789ab` */
function statesIn(events: readonly CopyEvent[]): readonly string[] {
  return events.flatMap((event) =>
    event.type === 'origin-progress' ? [`${event.status} ${event.layer}`] : [],
  );
}

function layersOf({ blobs }: MadeImage): string[] {
  return blobs.map(({ descriptor }) => descriptor.digest.slice(7, 19));
}

async function expectCopy(backup: string, image: MadeImage): Promise<void> {
  await expect(crane('digest', backup)).resolves.toBe(digestOf(image));
  await expect(raw(backup)).resolves.toBe(image.content.bytes.toString());
  await expect(crane('validate', '--remote', backup)).resolves.toContain('PASS');
}

async function expectNothing(backup: string): Promise<void> {
  const { code, stderr } = await run(programOf('crane'), ['digest', '--insecure', backup]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/NAME_UNKNOWN|MANIFEST_UNKNOWN|404/),
  });
}

describe
  .runIf(canRun('dockerd', 'containerd', 'docker-registry', 'htpasswd', 'crane', 'skopeo', 'root'))
  .each(['1.6', '2'] as const)('containerd %s', (version) => {
  const folder = new WorkFolder('containerd-e2e');
  let daemon: Daemon;
  let source: RegistryServer;
  let guarded: RegistryServer;
  let target: RegistryServer;
  let containerd: Containerd;
  let told: ContainerdEvent[];

  beforeAll(async () => {
    [daemon, source, guarded, target] = await Promise.all([
      // Version 2 pulls without Kubernetes' part.
      Daemon.start(version, { kubernetes: version === '1.6' }),
      RegistryServer.start(),
      RegistryServer.start({ users: { ada: 'love:lace' } }),
      RegistryServer.start(),
    ]);
    told = [];
    containerd = new Containerd({
      socket: daemon.socket,
      hostsDir: daemon.hostsDir,
      observe: (event) => told.push(event),
    });
  });

  afterAll(async () => {
    await containerd.close();
    await Promise.all([daemon.stop(), source.close(), guarded.close(), target.close(), folder.remove()]);
  });

  /** Puts an image into the source registry and has the daemon fetch it, without us. */
  async function fetchedBy(name: string, image: MadeImage, ...options: readonly string[]): Promise<string> {
    await pushImage(repositoryAt(source.url, name), image, '1');
    const reference = `${source.host}/${name}:1`;
    await daemon.images('content', 'fetch', '--plain-http', ...options, reference);
    return reference;
  }

  interface Copied {
    readonly outcome: Outcome;
    readonly events: readonly CopyEvent[];
    /** Where the copy is, if it is. */
    readonly backup: string;
  }

  interface CopyOptions {
    readonly origin?: Origin;
    /** Let it pull first. */
    readonly first?: boolean;
    readonly credential?: Credential;
  }

  /** Copies what nobody but the daemon can give: the source registry does not answer. */
  async function copy(reference: string, name: string, options: CopyOptions = {}): Promise<Copied> {
    const { origin = containerd, first = false, credential } = options;
    const events: CopyEvent[] = [];
    const client = new Client({
      findCredentials: async () => [],
      speaksPlainHttp: () => true,
      mayBeInternal: () => true,
      firstPauseMs: 1,
    });
    const copier = new Copier({
      sourceOf: () => ({
        source: new Repository(client, { host: '127.0.0.1:1', path: 'gone' }, 'pull'),
        countsPulls: false,
      }),
      targetOf: (backup) => new Repository(client, backup, 'pull,push'),
      origins: {
        all: [origin],
        ...(first && { first: origin }),
        credentialFor: async () => credential,
      },
      observe: (event) => events.push(event),
      platforms: () => [],
      moved: 'refresh',
      referrers: false,
      concurrency: 4,
      concurrencyPerHost: 4,
      sourceCheckMs: 5_000,
      freshMs: 0,
      rememberMs: 0,
      timeoutMs: 120_000,
    });
    const backup = `${target.host}/${name}:1`;
    const task = { source: parseReference(reference), backup: parseReference(backup) };
    const outcome = await copier.ensure(task, never);
    await copier.stop();
    await client.close();
    return { outcome, events, backup };
  }

  it('tells its version', async () => {
    await expect(containerd.version(never)).resolves.toMatch(version === '1.6' ? /^1\.6\./ : /^v?2\./);
  });

  it('gives an image that it has with all platforms, under its own digest', async () => {
    const [index] = await indexOf(10);
    const reference = await fetchedBy('whole', index, '--all-platforms');
    const { outcome, events, backup } = await copy(reference, 'whole');
    expect(outcome).toMatchObject({ state: 'copied', digest: digestOf(index) });
    expect(events).toContainEqual(expect.objectContaining({ type: 'origin-used', origin: 'containerd' }));
    await expectCopy(backup, index);
  });

  it('gives it by its digest too', async () => {
    const [index] = await indexOf(20);
    await fetchedBy('by-digest', index, '--all-platforms');
    const { outcome, backup } = await copy(`${source.host}/by-digest@${digestOf(index)}`, 'by-digest');
    expect(outcome).toMatchObject({ state: 'copied', digest: digestOf(index) });
    await expectCopy(backup, index);
  });

  it("gives an image in Docker's format as it is", async () => {
    const image = await imageOf(25, { mediaTypes: 'docker' });
    const { outcome, backup } = await copy(await fetchedBy('docker', image), 'docker');
    expect(outcome).toMatchObject({ state: 'copied', digest: digestOf(image) });
    await expectCopy(backup, image);
  });

  it('gives of an index the one image that it has, under the digest of that', async () => {
    const [index, own] = await indexOf(30);
    const reference = await fetchedBy('partial', index, '--platform', `linux/${OWN}`);
    const { outcome, backup } = await copy(reference, 'partial');
    expect(outcome).toMatchObject({ state: 'copied', digest: digestOf(own) });
    await expectCopy(backup, own);
    expect(told.at(-1)?.why).toContain(' is not there');
    const held = await containerd.find(parseReference(reference), never);
    expect(held?.partial).toEqual({ index: digestOf(index), platform: `linux/${OWN}` });
  });

  it('gives nothing for the digest of an index that it has in part', async () => {
    const [index, own] = await indexOf(40);
    await fetchedBy('part-by-digest', index, '--platform', `linux/${OWN}`);
    const repository = `${source.host}/part-by-digest`;
    const { outcome, backup } = await copy(`${repository}@${digestOf(index)}`, 'part-by-digest');
    expect(outcome).toMatchObject({ state: 'failed' });
    await expectNothing(backup);
    const image = await copy(`${repository}@${digestOf(own)}`, 'part-by-digest');
    expect(image.outcome).toMatchObject({ state: 'copied', digest: digestOf(own) });
  });

  it('gives nothing of an image whose layers were discarded, and what is missing is told', async () => {
    const image = await imageOf(50);
    const reference = await fetchedBy('discarded', image);
    const layer = image.blobs.at(-1)?.descriptor.digest ?? '';
    await daemon.images('content', 'rm', layer);
    const { outcome, backup } = await copy(reference, 'discarded');
    expect(outcome).toMatchObject({ state: 'failed' });
    expect(told.at(-1)).toEqual({
      type: 'incomplete',
      source: parseReference(reference),
      why: `${layer} is not there`,
    });
    await expectNothing(backup);
  });

  it('gives an image that was imported from an archive', async () => {
    const [index] = await indexOf(60);
    await pushImage(repositoryAt(source.url, 'archived'), index, '1');
    const archive = folder.file(`archive-${version}.tar`);
    const name = `registry.example/archived:1`;
    const options = ['--all', '--src-tls-verify=false'];
    await output(programOf('skopeo'), [
      'copy',
      ...options,
      `docker://${source.host}/archived:1`,
      `oci-archive:${archive}:${name}`,
    ]);
    await daemon.images('images', 'import', '--local', '--no-unpack', '--all-platforms', archive);
    const { outcome, backup } = await copy(name, 'archived');
    expect(outcome).toMatchObject({ state: 'copied', digest: digestOf(index) });
    await expectCopy(backup, index);
  });

  it('lists what it has by name', async () => {
    const image = await imageOf(70);
    const reference = await fetchedBy('listed', image);
    const listed = await containerd.list(never);
    expect(listed).toContainEqual({
      reference: parseReference(reference),
      digest: digestOf(image),
      whole: true,
    });
  });

  /** By its Kubernetes' part where it runs, which gives one image three names; by hand as that would have done it. */
  async function fetchedByKubelet(name: string, index: MadeImage, own: MadeImage): Promise<string> {
    const config = own.blobs[0]?.descriptor.digest ?? '';
    const reference = `${source.host}/${name}:1`;
    if (version === '1.6') {
      await pushImage(repositoryAt(source.url, name), index, '1');
      await containerd.pull(parseReference(reference), {}, never);
    } else {
      await fetchedBy(name, index, '--platform', `linux/${OWN}`);
      await daemon.nameAsKubernetes(reference, { digest: digestOf(index), config });
    }
    const names = (await daemon.images('images', 'ls', '--quiet')).split('\n');
    expect(names).toEqual(
      expect.arrayContaining([reference, `${source.host}/${name}@${digestOf(index)}`, config]),
    );
    return reference;
  }

  it('lists what a kubelet pulled by tag and digest, of which the tag alone is to be rescued', async () => {
    const [index, own] = await indexOf(75);
    const reference = await fetchedByKubelet('kubelet', index, own);
    const listed = (await containerd.list(never)).filter((held) => held.reference.path === 'kubelet');
    expect(listed.map(({ digest, whole }) => ({ digest, whole }))).toEqual([
      { digest: digestOf(index), whole: false },
      { digest: digestOf(index), whole: false },
    ]);
    const naming = { prefix: { host: target.host, path: '' }, scheme: 'keep-host' } as const;
    const found = await listAll({ origins: [containerd], naming, signal: never });
    const names = found.map((image) => formatReference(image.source));
    expect(names.filter((name) => name.includes('/kubelet'))).toEqual([reference]);
    expect(names.filter((name) => name.includes('sha256:'))).toEqual([]);
  });

  it('pulls what only a password opens, and gives it', async () => {
    const image = await imageOf(80);
    const authorization = `Basic ${Buffer.from(ADA).toString('base64')}`;
    await pushImage(repositoryAt(guarded.url, 'private', { authorization }), image, '1');
    const reference = `${guarded.host}/private:1`;
    const { outcome, events, backup } = await copy(reference, 'private', {
      first: true,
      credential: CREDENTIAL,
    });
    expect(events).toContainEqual(expect.objectContaining({ type: 'origin-pulled' }));
    expect(outcome).toMatchObject({ state: 'copied', digest: digestOf(image) });
    // Kubernetes' part, by which 1.6 pulls, tells nothing of its progress.
    expect(finishedLayers(events, image)).toEqual(version === '1.6' ? [] : layersOf(image));
    expect(statesIn(events)).toEqual([...new Set(statesIn(events))]);
    await expectCopy(backup, image);
  });

  it.each([
    ['no password', undefined],
    ['a wrong one', { kind: 'basic', username: 'ada', password: 'babbage' } as const],
  ])('says so when a registry wants a password and it has %s', async (_, credential) => {
    const reference = parseReference(`${guarded.host}/secret:1`);
    const pulling = containerd.pull(reference, { ...(credential && { credential }) }, never);
    await expect(pulling).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it.each([
    ['there is no such image', (host: string) => `${host}/absent:1`, 'NOT_FOUND'],
    ['there is no such registry', () => '127.0.0.1:1/absent:1', 'REGISTRY_UNREACHABLE'],
  ])('says so when %s', async (_, nameAt, code) => {
    const pulling = containerd.pull(parseReference(nameAt(source.host)), {}, never);
    await expect(pulling).rejects.toMatchObject({ code });
  });

  it('pulls from a registry to which it alone knows the way', async () => {
    const image = await imageOf(90);
    await pushImage(repositoryAt(source.url, 'hidden'), image, '1');
    daemon.findRegistryAt('hidden.invalid', source.url);
    const { outcome, backup } = await copy('hidden.invalid/hidden:1', 'hidden', { first: true });
    expect(outcome).toMatchObject({ state: 'copied', digest: digestOf(image) });
    await expectCopy(backup, image);
  });

  it('keeps what is read, though its image is removed meanwhile', async () => {
    const image = await imageOf(100);
    const reference = await fetchedBy('removed', image);
    const [config, layer] = [image.blobs[0]?.descriptor, image.blobs.at(-1)?.descriptor];
    const held = await containerd.find(parseReference(reference), never);
    if (held === undefined || config === undefined || layer === undefined) throw new Error('Cannot happen');
    await held.source.fetchReference('1', never);
    // Kubernetes' part gives it one more name, that of its config.
    await daemon.images('images', 'rm', '--sync', reference, config.digest);
    const read = await buffer(await held.source.fetch(layer, never));
    expect(read.length).toBe(layer.size);
    await held.close();
    await expect(daemon.images('leases', 'ls', '--quiet')).resolves.not.toContain('image-cloner');
    await expect.poll(() => collected(config.digest)).not.toContain(layer.digest);
  });

  /** What is there after a collection of garbage. @param name that Kubernetes' part may have given anew */
  async function collected(name: string): Promise<string> {
    await daemon.images('images', 'rm', '--sync', name);
    const lease = await daemon.images('leases', 'create');
    await daemon.images('leases', 'delete', '--sync', lease.trim());
    return daemon.images('content', 'ls', '--quiet');
  }

  it('says so when it is stopped, and is asked again when it is back', async () => {
    const image = await imageOf(110);
    const reference = await fetchedBy('stopped', image);
    await daemon.pause();
    const { outcome, backup } = await copy(reference, 'stopped');
    expect(outcome).toMatchObject({ state: 'failed' });
    await expect(containerd.find(parseReference(reference), never)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:UNREACHABLE|INTERRUPTED)$/),
      retriable: true,
    });
    await expectNothing(backup);
    await daemon.resume();
    await expect
      .poll(async () => (await copy(reference, 'stopped')).outcome)
      .toMatchObject({ state: 'copied', digest: digestOf(image) });
    await expectCopy(backup, image);
  });

  async function* stopAfterFirst(stream: Readable): AsyncGenerator<Buffer> {
    for await (const piece of stream) {
      yield piece;
      await daemon.pause();
    }
  }

  it('that is stopped in the middle leaves no half of a copy', async () => {
    const image = await imageOf(120, { layers: [{ size: 32 * MIB, seed: 120 }] });
    const reference = await fetchedBy('broken', image);
    const origin: Origin = {
      name: 'containerd',
      find: async (asked, signal) => {
        const held = await containerd.find(asked, signal);
        if (held === undefined) return undefined;
        const { source: store } = held;
        return {
          ...held,
          source: {
            resolve: (identifier, until) => store.resolve(identifier, until),
            fetchReference: (identifier, until) => store.fetchReference(identifier, until),
            predecessors: () => store.predecessors(),
            fetch: async (descriptor, until) => {
              const stream = await store.fetch(descriptor, until);
              return descriptor.size < MIB ? stream : Readable.from(stopAfterFirst(stream));
            },
          },
        };
      },
    };
    const { outcome, events, backup } = await copy(reference, 'broken', { origin });
    expect(outcome).toMatchObject({ state: 'failed' });
    expect(events.map(({ type }) => type)).toContain('origin-used');
    await expectNothing(backup);
    await daemon.resume();
    await expect
      .poll(async () => (await copy(reference, 'broken')).outcome)
      .toMatchObject({ state: 'copied', digest: digestOf(image) });
  });

  it('whose socket we may not use says so', async () => {
    // Everybody may look into the folder; the socket itself is root's.
    chmodSync(dirname(daemon.socket), 0o755);
    const script = `
        import '${import.meta.dirname}/../../src/containerd/channel.ts';
        import { Containerd } from '${import.meta.dirname}/../../src/containerd/containerd.ts';
        process.setgroups([]);
        process.setgid(65532);
        process.setuid(65532);
        const containerd = new Containerd({ socket: '${daemon.socket}' });
        await containerd.version(new AbortController().signal).catch((error) => console.log(error.code));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout).toBe('DENIED\n');
  });

  it('is not what answers at another socket', async () => {
    const other = new Containerd({ socket: `${daemon.socket}.ttrpc` });
    await expect(other.version(never)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:UNREACHABLE|INTERRUPTED|TIMEOUT)$/),
    });
    await other.close();
  });

  it('gives an image of 256 MiB without keeping it in memory', async () => {
    const small = await fetchedBy('small', await imageOf(130));
    const image = await imageOf(140, { layers: [{ size: 256 * MIB, seed: 140 }] });
    const large = await fetchedBy('large', image);
    const most = { small: await mostMemory(small), large: await mostMemory(large) };
    // What was read and is not yet collected takes some of it.
    expect(most.large - most.small).toBeLessThan(128 * MIB);
  });

  /** Of a process that reads an image to its end. @returns bytes */
  async function mostMemory(reference: string): Promise<number> {
    const script = `
        import { parseReference } from '${import.meta.dirname}/../../src/image/reference.ts';
        import { parseManifest } from '${import.meta.dirname}/../../src/image/manifest.ts';
        import { Containerd } from '${import.meta.dirname}/../../src/containerd/containerd.ts';
        const signal = new AbortController().signal;
        const containerd = new Containerd({ socket: '${daemon.socket}' });
        const held = await containerd.find(parseReference('${reference}'), signal);
        const { bytes, descriptor } = await held.source.fetchReference(held.digest, signal);
        let read = 0;
        for (const blob of parseManifest(bytes, descriptor.mediaType).blobs)
          for await (const piece of await held.source.fetch(blob, signal)) read += piece.length;
        await held.close();
        await containerd.close();
        console.log(process.resourceUsage().maxRSS * 1024);`;
    return Number(await output(process.execPath, ['--input-type=module', '--eval', script]));
  }
});
