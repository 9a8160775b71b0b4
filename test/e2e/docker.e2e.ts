import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyGraph } from '../../src/copy/copy-graph.ts';
import { eachStatusOnce } from '../../src/copy/each-status-once.ts';
import type { TransferProgress } from '../../src/copy/origin.ts';
import type { VersionRange } from '../../src/docker/api-version.ts';
import { DockerDaemon } from '../../src/docker/docker-daemon.ts';
import type { Held } from '../../src/docker/held.ts';
import type { Digest } from '../../src/image/digest.ts';
import { parseReference, type Reference } from '../../src/image/reference.ts';
import { Layout } from '../../src/layout/layout.ts';
import { graphCopy } from '../fakes/copying.ts';
import { never, useStage } from '../fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { output } from './harness/command.ts';
import { DockerEngine, type DockerEngineOptions } from './harness/docker-engine.ts';
import { canRun } from './harness/need.ts';
import { programOf } from './harness/part.ts';
import { RegistryServer } from './harness/registry-server.ts';

// Images that a real Docker daemon holds, into the backup without their source.

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const NATIVE = arch === 'x64' ? 'amd64' : arch;
const FOREIGN = NATIVE === 'amd64' ? 'arm64' : 'amd64';
const MIB = 1024 * 1024;
const NEEDS = ['crane', 'docker-registry', 'dockerd', 'dockerd-later', 'htpasswd', 'root'] as const;

const stage = useStage();

function daemonOf(engine: DockerEngine, versions?: VersionRange): DockerDaemon {
  return new DockerDaemon({
    socket: engine.socket,
    openLayout: (directory) => Layout.open(directory),
    ...(versions !== undefined && { versions }),
  });
}

function digestOf({ content }: MadeImage): Digest {
  return content.descriptor.digest;
}

function imageFor(architecture: string, seed: number): Promise<MadeImage> {
  const layers = [seed, seed + 1].map((one) => ({ size: 200_000, seed: one }));
  return makeImage({ layers, platform: { os: 'linux', architecture }, runnable: true });
}

function crane(...args: readonly string[]): Promise<string> {
  return output(programOf('crane'), [...args, '--insecure']).then((text) => text.trim());
}

function nameOf(copy: Reference): string {
  return `${copy.host}/${copy.path}:${copy.tag}`;
}

/** Digest of a copy, after crane has read all of it and found its digests and layers right. */
async function verified(copy: Reference): Promise<string> {
  await crane('validate', '--remote', nameOf(copy));
  return crane('digest', nameOf(copy));
}

/** Puts what the daemon holds into the backup: by our engine where that can be. */
async function backUp(held: Held | undefined, backup: Reference): Promise<void> {
  const { tag = 'latest' } = backup;
  if (held?.kind === 'behind') return held.push(backup, tag, {}, never);
  if (held === undefined) throw new Error('Cannot back up: the daemon does not hold it');
  try {
    const target = stage.repository(backup, backup.path);
    await copyGraph(
      graphCopy(held.source, target),
      await held.source.fetchReference(held.digest, never),
      tag,
    );
  } finally {
    await held.close();
  }
}

/** Pushed by the daemon, and nothing read from it. */
async function pushByDaemon(held: Held | undefined, copy: Reference): Promise<void> {
  if (held?.kind !== 'content' || held.push === undefined) throw new Error('Cannot go on: no push');
  await held.push(copy, copy.tag ?? '', {}, never);
  await held.close();
}

/** All that the node has names for. */
async function namesOn(engine: DockerEngine): Promise<readonly string[]> {
  const format = '--format={{.Repository}}:{{.Tag}}@{{.Digest}}';
  const { stdout } = await engine.docker(['image', 'ls', '--digests', format]);
  return stdout.trim().split('\n').toSorted();
}

async function idOn(engine: DockerEngine, name: string): Promise<string> {
  return (await engine.docker(['image', 'inspect', '--format={{.Id}}', name])).stdout;
}

/** What a daemon tells, and what of it is told on. */
function listening(): {
  readonly words: TransferProgress[];
  readonly lines: TransferProgress[];
  readonly hear: (progress: TransferProgress) => void;
} {
  const [words, lines]: [TransferProgress[], TransferProgress[]] = [[], []];
  const tell = eachStatusOnce((progress) => lines.push(progress));
  function hear(progress: TransferProgress): void {
    words.push(progress);
    tell(progress);
  }
  return { words, lines, hear };
}

/** The states of each layer. */
function statesOf({ lines }: ReturnType<typeof listening>): readonly (readonly string[])[] {
  const byLayer = Map.groupBy(lines, ({ layer }) => layer);
  return [...byLayer.values()].map((all) => all.map(({ status }) => status));
}

const ENGINES = [
  { version: '20.10', imageStore: 'classic' },
  { version: '28', imageStore: 'classic' },
  { version: '28', imageStore: 'containerd' },
] as const satisfies readonly DockerEngineOptions[];

/** Docker's classic store makes the manifest anew, and layers that are packed in another way. */
function keepsItsContent({ imageStore }: DockerEngineOptions): boolean {
  return imageStore === 'containerd';
}

describe.runIf(canRun(...NEEDS)).each(ENGINES)(
  'Docker $version with the $imageStore image store',
  (options) => {
    const keepsContent = keepsItsContent(options);
    // For another engine nothing is registered: a test that is skipped is one that somebody has to look at.
    const readable = [options].filter(keepsItsContent);
    const anonymous = {};
    let engine: DockerEngine;
    let source: RegistryServer;
    let backup: RegistryServer;
    let daemon: DockerDaemon;
    let single: MadeImage;
    let foreign: MadeImage;
    let index: MadeImage;

    beforeAll(async () => {
      [source, backup, engine] = await Promise.all([
        RegistryServer.start(),
        RegistryServer.start(),
        DockerEngine.start(options),
      ]);
      [single, foreign] = [await imageFor(NATIVE, 1), await imageFor(FOREIGN, 3)];
      index = makeIndex([foreign, single]);
      await pushImage(repositoryAt(source.url, 'team/app'), single, 'single');
      await pushImage(repositoryAt(source.url, 'team/app'), index, 'index');
      await pushImage(repositoryAt(source.url, 'team/pinned'), single);
      daemon = daemonOf(engine);
      await daemon.pull(at('team/app:single'), anonymous, never);
      await daemon.pull(at('team/app:index'), anonymous, never);
      await daemon.pull(at(`team/pinned@${digestOf(single)}`), anonymous, never);
    });

    afterAll(async () => {
      await Promise.all([source.close(), backup.close()]);
      await engine.stop();
    });

    /** At the source. */
    function at(name: string): Reference {
      return parseReference(`${source.host}/${name}`);
    }

    function backupOf(name: string): Reference {
      return parseReference(`${backup.host}/copies/${name}`);
    }

    it('lists what it holds', async () => {
      const listed = await daemon.list(never);
      expect(listed.map(({ reference }) => reference)).toEqual(
        expect.arrayContaining([
          at('team/app:single'),
          at('team/app:index'),
          at(`team/pinned@${digestOf(single)}`),
        ]),
      );
      const { whole, why, digest } = listed.find(({ reference }) => reference.tag === 'index') ?? {};
      const partly = { whole: false, why: `without linux/${FOREIGN}`, digest: digestOf(index) };
      expect({ whole, why, digest }).toMatchObject(keepsContent ? partly : { whole: true });
    });

    describe('when the source is gone', () => {
      beforeAll(() => source.stop());
      afterAll(() => source.start());

      it.each(['team/app:single', 'team/pinned'])('gives %s to the backup', async (name) => {
        const wanted = name === 'team/pinned' ? at(`${name}@${digestOf(single)}`) : at(name);
        const before = await namesOn(engine);
        const held = await daemon.find(wanted, never);
        expect(held).toMatchObject({ kind: keepsContent ? 'content' : 'behind', faithful: keepsContent });
        const copy = backupOf(name === 'team/pinned' ? `${name}:kept` : name);
        await backUp(held, copy);
        const digest = await verified(copy);
        // Docker's classic store makes the manifest anew.
        expect(digest === digestOf(single)).toBe(keepsContent);
        expect(await namesOn(engine)).toEqual(before);
      });

      it('gives the one platform that is there of an index', async () => {
        const held = await daemon.find(at('team/app:index'), never);
        const partial = { index: digestOf(index), platform: `linux/${NATIVE}` };
        expect(held).toMatchObject(
          keepsContent ? { digest: digestOf(single), partial } : { kind: 'behind', faithful: false },
        );
        const copy = backupOf('team/app:index');
        await backUp(held, copy);
        const digest = await verified(copy);
        expect([digestOf(index), digestOf(foreign)]).not.toContain(digest);
        expect(digest === digestOf(single)).toBe(keepsContent);
      });

      it('does not find what it never had', async () => {
        expect(await daemon.find(at('team/app:other'), never)).toBeUndefined();
        expect(await daemon.find(at(`team/app@${digestOf(foreign)}`), never)).toBeUndefined();
        expect(await daemon.find(parseReference('team/app:single'), never)).toBeUndefined();
      });

      it('says that a pull cannot be', async () => {
        await expect(daemon.pull(at('team/app:single'), anonymous, never)).rejects.toMatchObject({
          code: 'REGISTRY_UNREACHABLE',
        });
      });
    });

    describe.each(readable)('where the daemon pushes what can be read from it as well', () => {
      it.each(['single', 'index'])('the digest of %s stays, and the node is left as it was', async (tag) => {
        const before = await namesOn(engine);
        const copy = backupOf(`team/itself:${tag}`);
        await pushByDaemon(await daemon.find(at(`team/app:${tag}`), never), copy);
        expect(await verified(copy)).toBe(digestOf(single));
        expect(await namesOn(engine)).toEqual(before);
      });

      it('the platform that is there is pushed, though it is another than its own', async () => {
        const other = await imageFor(FOREIGN, 33);
        const both = makeIndex([await imageFor(NATIVE, 31), other]);
        await pushImage(repositoryAt(source.url, 'team/foreign'), both, '1');
        await engine.docker(['pull', '--platform', `linux/${FOREIGN}`, nameOf(at('team/foreign:1'))]);
        const held = await daemon.find(at('team/foreign:1'), never);
        const partial = { index: digestOf(both), platform: `linux/${FOREIGN}` };
        expect(held).toMatchObject({ digest: digestOf(other), partial });
        const copy = backupOf('team/foreign:1');
        await pushByDaemon(held, copy);
        expect(await verified(copy)).toBe(digestOf(other));
      });

      it('all of an index is pushed where all of it is there', async () => {
        const both = makeIndex([await imageFor(NATIVE, 21), await imageFor(FOREIGN, 23)]);
        await pushImage(repositoryAt(source.url, 'team/both'), both, '1');
        for (const architecture of [FOREIGN, NATIVE])
          await engine.docker(['pull', '--platform', `linux/${architecture}`, nameOf(at('team/both:1'))]);
        const held = await daemon.find(at('team/both:1'), never);
        expect(held).toMatchObject({ digest: digestOf(both) });
        const copy = backupOf('team/both:1');
        await pushByDaemon(held, copy);
        expect(await verified(copy)).toBe(digestOf(both));
      });

      it('a backup that cannot be reached is told of', async () => {
        const before = await namesOn(engine);
        const held = await daemon.find(at('team/app:single'), never);
        await backup.stop();
        try {
          const lost = pushByDaemon(held, backupOf('team/lost:2'));
          await expect(lost).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
        } finally {
          await backup.start();
        }
        expect(await namesOn(engine)).toEqual(before);
      });
    });

    it('says that a pull of a missing tag cannot be', async () => {
      await expect(daemon.pull(at('team/app:missing'), anonymous, never)).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    });

    it('pulls from a private source with our credentials, and not without', async () => {
      const registry = await RegistryServer.start({ users: { ada: 'love:lace' } });
      try {
        const authorization = `Basic ${Buffer.from('ada:love:lace').toString('base64')}`;
        await pushImage(repositoryAt(registry.url, 'private/app', { authorization }), single, '1');
        const wanted = parseReference(`${registry.host}/private/app:1`);
        for (const refused of [undefined, { kind: 'basic', username: 'ada', password: 'wrong' } as const])
          await expect(
            daemon.pull(wanted, refused === undefined ? {} : { credential: refused }, never),
          ).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
        const credential = { kind: 'basic', username: 'ada', password: 'love:lace' } as const;
        await daemon.pull(wanted, { credential }, never);
        expect(await daemon.find(wanted, never)).toBeDefined();
      } finally {
        await registry.close();
      }
    });

    // A version that does not tell what is there, so that containerd's store pushes too.
    describe('where the daemon itself has to push', () => {
      const spoken = { oldest: '1.41', newest: '1.47' };

      it('brings it into the backup, and forgets the name of the copy', async () => {
        const before = await namesOn(engine);
        const held = await daemonOf(engine, spoken).find(at('team/app:single'), never);
        expect(held?.kind).toBe('behind');
        const copy = backupOf('team/pushed:1');
        await backUp(held, copy);
        expect((await verified(copy)) === digestOf(single)).toBe(keepsContent);
        expect(await namesOn(engine)).toEqual(before);
      });

      it('makes an image that it once pushed in just the same way again', async () => {
        const empty = await RegistryServer.start();
        try {
          const [first, second] = [backupOf('team/first:1'), parseReference(`${empty.host}/second:1`)];
          await backUp(await daemonOf(engine, spoken).find(at('team/app:single'), never), first);
          await daemon.pull(first, anonymous, never);
          await backUp(await daemonOf(engine, spoken).find(first, never), second);
          expect(await verified(second)).toBe(await verified(first));
        } finally {
          await empty.close();
        }
      });

      it('tells how far it is with pull and push: many words, and few lines of them', async () => {
        const layers = [64 * MIB, 1000].map((size, seed) => ({ size, seed: 70 + seed }));
        const image = await makeImage({
          layers,
          platform: { os: 'linux', architecture: NATIVE },
          runnable: true,
        });
        await pushImage(repositoryAt(source.url, 'team/large'), image, '1');
        const [pulled, pushed] = [listening(), listening()];
        await daemon.pull(at('team/large:1'), { onProgress: pulled.hear }, never);
        const held = await daemonOf(engine, spoken).find(at('team/large:1'), never);
        if (held?.kind !== 'behind') throw new Error('Cannot happen');
        await held.push(backupOf('team/large:1'), '1', { onProgress: pushed.hear }, never);
        expect(statesOf(pulled)).toEqual(layers.map(() => expect.arrayContaining(['Pull complete'])));
        // A daemon tells the latest of each layer: only the last word of a small one is certain to be heard. containerd's
        // store says only ten times a second how far it is.
        const states = [keepsContent ? ['Pushed'] : ['Pushing', 'Pushed'], ['Pushed']];
        expect(statesOf(pushed)).toEqual(
          expect.arrayContaining(states.map((some) => expect.arrayContaining(some))),
        );
        for (const { lines } of [pulled, pushed])
          expect(lines.length).toBeLessThanOrEqual(8 * (layers.length + 1));
        expect([...pulled.words, ...pushed.words].length).toBeGreaterThan(
          pulled.lines.length + pushed.lines.length,
        );
      });

      it('leaves the name of a copy that the node runs already', async () => {
        const copy = backupOf('team/kept:1');
        const kept = await imageFor(NATIVE, 9);
        await pushImage(repositoryAt(backup.url, copy.path), kept, '1');
        await daemon.pull(copy, anonymous, never);
        const before = await idOn(engine, nameOf(copy));
        await backUp(await daemonOf(engine, spoken).find(at('team/app:single'), never), copy);
        expect(await verified(copy)).not.toBe(digestOf(kept));
        expect(await idOn(engine, nameOf(copy))).toBe(before);
        // And what it has under that name can be pushed as well.
        await backUp(await daemonOf(engine, spoken).find(copy, never), copy);
        expect(await idOn(engine, nameOf(copy))).toBe(before);
      });

      it('says that the backup cannot be reached, and leaves nothing on the node', async () => {
        const before = await namesOn(engine);
        const held = await daemonOf(engine, spoken).find(at('team/app:single'), never);
        await backup.stop();
        try {
          await expect(backUp(held, backupOf('team/lost:1'))).rejects.toMatchObject({
            code: 'REGISTRY_UNREACHABLE',
          });
        } finally {
          await backup.start();
        }
        expect(await namesOn(engine)).toEqual(before);
      });
    });
  },
);

describe.runIf(canRun(...NEEDS))('a Docker daemon that is not well', () => {
  let engine: DockerEngine;
  let registry: RegistryServer;
  let source: Reference;
  let daemon: DockerDaemon;

  beforeAll(async () => {
    [registry, engine] = await Promise.all([RegistryServer.start(), DockerEngine.start()]);
    await pushImage(repositoryAt(registry.url, 'app'), await imageFor(NATIVE, 1), '1');
    source = parseReference(`${registry.host}/app:1`);
    daemon = daemonOf(engine);
    await daemon.pull(source, {}, never);
  });

  afterAll(async () => {
    await registry.close();
    await engine.stop();
  });

  it('is unreachable while it is stopped, and found again without a restart of ours', async () => {
    await engine.halt();
    await expect(daemon.find(source, never)).rejects.toMatchObject({ code: 'UNREACHABLE', retriable: true });
    await engine.resume();
    expect(await daemon.find(source, never)).toMatchObject({ kind: 'behind' });
  });

  it('stopped in the middle of a push has not pushed, and can push after that', async () => {
    const stalled = await stage.registry({
      faults: [{ method: 'PATCH', path: /uploads/, wait: new Promise(() => {}) }],
    });
    const held = await daemon.find(source, never);
    const pushing = Promise.allSettled([backUp(held, parseReference(`${stalled.host}/copies/app:1`))]);
    await stalled.seen('PATCH', /uploads/);
    await engine.halt();
    expect(await pushing).toMatchObject([{ status: 'rejected', reason: { name: 'DockerError' } }]);
    expect(stalled.tags('copies/app')).toEqual([]);
    await engine.resume();
    const copy = parseReference(`${registry.host}/copies/app:1`);
    await backUp(await daemon.find(source, never), copy);
    expect(await verified(copy)).toMatch(/^sha256:/);
  });

  it('is closed to those who are not of its group', async () => {
    // It loads what it needs as root, because nobody else need be able to read this checkout.
    const script = `
      import 'dockerode';
      import { DockerDaemon } from '${CHECKOUT}src/docker/docker-daemon.ts';
      const daemon = new DockerDaemon({ socket: '${engine.socket}', openLayout: () => Promise.reject() });
      process.setgroups([]);
      process.setgid(65532);
      process.setuid(65532);
      await daemon.list(AbortSignal.timeout(10_000)).catch(({ code, retriable }) => console.log(code, retriable));`;
    const args = ['--input-type=module', '--eval', script];
    expect(await output(process.execPath, args, { directory: CHECKOUT })).toBe('DENIED false\n');
  });

  it('is refused when it is older than all that we speak', async () => {
    const versions = { oldest: '1.42', newest: '1.51' };
    await expect(daemonOf(engine, versions).list(never)).rejects.toMatchObject({
      code: 'UNSUPPORTED_VERSION',
      message: /the daemon speaks API versions 1\.12 to 1\.41, image-cloner 1\.42 to 1\.51/,
    });
  });
});

describe.runIf(canRun(...NEEDS))('a Docker daemon that left old versions of the API behind', () => {
  let engine: DockerEngine;

  beforeAll(async () => {
    // What Engine 29 speaks at least.
    engine = await DockerEngine.start({ version: '28', minApiVersion: '1.44' });
  });
  afterAll(() => engine.stop());

  it('is spoken to in a newer one', async () => {
    expect(await daemonOf(engine).list(never)).toEqual([]);
  });

  it('is refused when it is newer than all that we speak', async () => {
    const versions = { oldest: '1.41', newest: '1.43' };
    await expect(daemonOf(engine, versions).list(never)).rejects.toMatchObject({
      code: 'UNSUPPORTED_VERSION',
      message: /the daemon speaks API versions 1\.44 to 1\.51, image-cloner 1\.41 to 1\.43/,
    });
  });
});
