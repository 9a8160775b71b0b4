import { readdir } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { savedArchive } from '../../test/fakes/docker-archive.ts';
import { type FakeEngine, type FakeEngineOptions, startEngine } from '../../test/fakes/docker-engine.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import type { Digest } from '../image/digest.ts';
import { parseReference } from '../image/reference.ts';
import { Layout } from '../layout/layout.ts';
import { DockerDaemon, type DockerEvent } from './docker-daemon.ts';
import type { HeldBehind, HeldContent } from './held.ts';
import type { TransferOptions, TransferProgress } from './transfer.ts';

const { signal } = new AbortController();
const SOURCE = 'registry.test/team/app';
const BACKUP = 'backup.test/copies/app';
const ID: Digest = `sha256:${'1'.repeat(64)}`;
const OTHER_ID: Digest = `sha256:${'2'.repeat(64)}`;
const PULLED_DIGEST: Digest = `sha256:${'3'.repeat(64)}`;
const OLDER_DIGEST: Digest = `sha256:${'4'.repeat(64)}`;

interface Stage {
  readonly engine: FakeEngine;
  readonly daemon: DockerDaemon;
  readonly events: readonly DockerEvent[];
  /** Where images are unpacked. */
  readonly folder: string;
}

async function setUp(options: FakeEngineOptions): Promise<Stage> {
  const engine = await startEngine(options);
  const events: DockerEvent[] = [];
  const folder = await tempFolder();
  const daemon = new DockerDaemon({
    socket: engine.socket,
    openLayout: (directory) => Layout.open(directory),
    observe: (event) => void events.push(event),
    folder,
  });
  return { engine, daemon, events, folder };
}

/** A manifest as a daemon lists it. */
function manifest({ content }: MadeImage, available = true, kind = 'image'): object {
  return { Descriptor: content.descriptor, Available: available, Kind: kind };
}

async function foundContent(stage: Stage, source: string): Promise<HeldContent> {
  const held = await stage.daemon.find(parseReference(source), signal);
  if (held?.kind !== 'content') throw new Error(`Cannot go on: wanted content, got ${held?.kind}`);
  return held;
}

async function foundBehind(stage: Stage, source: string): Promise<HeldBehind> {
  const held = await stage.daemon.find(parseReference(source), signal);
  if (held?.kind !== 'behind') throw new Error(`Cannot go on: wanted a push, got ${held?.kind}`);
  return held;
}

/** Has the daemon push what could be read from it as well. */
async function pushed(stage: Stage): Promise<void> {
  const { push } = await foundContent(stage, `${SOURCE}:1`);
  await push?.(parseReference(BACKUP), 'kept', {}, signal);
}

const amd64 = await makeImage();
const arm64 = await makeImage({
  layers: [{ size: 2000, seed: 2 }],
  platform: { os: 'linux', architecture: 'arm64' },
});
const index = makeIndex([arm64, amd64]);
const digest = index.content.descriptor.digest;
const names = [`${SOURCE}:1`, `${SOURCE}@${digest}`];

describe('a daemon that keeps content', () => {
  test('hands out a whole image by its own digest', async () => {
    const manifests = [manifest(arm64), manifest(amd64)];
    const archive = await savedArchive(index);
    const stage = await setUp({ images: [{ id: digest, names, manifests, archive }] });
    const held = await foundContent(stage, `${SOURCE}:1`);
    expect(held).toMatchObject({ digest, faithful: true });
    expect(held.partial).toBeUndefined();
    expect(await held.source.fetchReference(digest, signal)).toMatchObject({ bytes: index.content.bytes });
    for (const { descriptor, open } of [...amd64.blobs, ...arm64.blobs])
      expect(await buffer(await held.source.fetch(descriptor, signal))).toEqual(await buffer(open()));
  });

  test('hands out the platform that is there, under its own digest', async () => {
    const manifests = [manifest(arm64, false), manifest(amd64)];
    const missing = [arm64.content.descriptor, ...arm64.blobs.map(({ descriptor }) => descriptor)];
    const archive = await savedArchive(
      index,
      missing.map((one) => one.digest),
    );
    const stage = await setUp({ images: [{ id: digest, names, manifests, archive }] });
    const held = await foundContent(stage, `${SOURCE}:1`);
    const only = amd64.content.descriptor.digest;
    expect(held).toMatchObject({ digest: only, partial: { index: digest, platform: 'linux/amd64' } });
    expect(await held.source.resolve(only, signal)).toMatchObject({ digest: only });
    expect(await held.source.fetchReference(only, signal)).toMatchObject({ bytes: amd64.content.bytes });
    expect(await held.source.predecessors(amd64.content.descriptor, signal)).toEqual([]);
  });

  test('unpacks with the first question, once, and leaves nothing when it is closed', async () => {
    const manifests = [manifest(arm64), manifest(amd64)];
    const archive = await savedArchive(index);
    const stage = await setUp({ images: [{ id: digest, names, manifests, archive }] });
    const held = await foundContent(stage, `${SOURCE}:1`);
    expect(await readdir(stage.folder)).toEqual([]);
    await Promise.all([held.source.resolve(digest, signal), held.source.resolve(digest, signal)]);
    expect(await readdir(stage.folder)).toHaveLength(1);
    expect(stage.engine.requests('GET', /\/get\?/)).toHaveLength(1);
    await held.close();
    expect(await readdir(stage.folder)).toEqual([]);
  });

  test('is asked for the image that was found, even when its tag has moved since', async () => {
    const archive = await savedArchive(amd64);
    const id = amd64.content.descriptor.digest;
    const image = { id, names: [`${SOURCE}:1`, `${SOURCE}@${id}`], manifests: [manifest(amd64)], archive };
    const stage = await setUp({ images: [image] });
    const held = await foundContent(stage, `${SOURCE}:1`);
    for (const moved of stage.engine.images) moved.names = [`${SOURCE}@${id}`];
    expect(await held.source.resolve(id, signal)).toMatchObject({ digest: id });
  });

  test('has nothing to give of an image of which nothing is whole', async () => {
    const manifests = [manifest(arm64, false), manifest(amd64, false)];
    const { daemon } = await setUp({ images: [{ id: digest, names, manifests }] });
    expect(await daemon.find(parseReference(`${SOURCE}:1`), signal)).toBeUndefined();
  });

  test('pushes itself where it does not say what is there', async () => {
    const stage = await setUp({ images: [{ id: digest, names }], apiVersion: '1.47' });
    const held = await foundBehind(stage, `${SOURCE}:1`);
    expect(held).toMatchObject({ faithful: false, digest });
  });

  test('lists every image by each of its names, and says what is missing', async () => {
    const { daemon } = await setUp({
      images: [
        {
          id: digest,
          names: [...names, `${SOURCE}:2`],
          manifests: [manifest(amd64), manifest(arm64, false)],
        },
        { id: ID, names: [`${BACKUP}@${ID}`], manifests: [manifest(amd64)] },
        { id: OTHER_ID, names: [], manifests: [manifest(amd64)] },
      ],
    });
    const why = 'without linux/arm64';
    expect(await daemon.list(signal)).toEqual([
      { reference: parseReference(`${SOURCE}:1`), digest, whole: false, why },
      { reference: parseReference(`${SOURCE}:2`), digest, whole: false, why },
      { reference: parseReference(`${BACKUP}@${ID}`), digest: ID, whole: true },
    ]);
  });

  test('lists images as not whole where it does not say so', async () => {
    const { daemon } = await setUp({ images: [{ id: digest, names }], apiVersion: '1.46' });
    expect(await daemon.list(signal)).toMatchObject([{ digest, whole: false, why: /does not say/ }]);
  });
});

describe('content that the daemon pushes itself', () => {
  const whole = [manifest(arm64), manifest(amd64)];

  function found(options: FakeEngineOptions, manifests = whole): Promise<Stage> {
    return setUp({ images: [{ id: digest, names, manifests }], ...options });
  }

  test('is just what was found, and the daemon is left as it was', async () => {
    const stage = await found({});
    const before = stage.engine.names();
    await pushed(stage);
    expect([...stage.engine.pushed]).toEqual([[`${BACKUP}:kept`, digest]]);
    expect(stage.engine.names()).toEqual(before);
    const [tagged, sent] = stage.engine.requests('POST');
    expect(tagged?.path).toContain(`/images/${SOURCE}@${digest}/tag`);
    expect(Object.fromEntries(sent?.query ?? [])).toEqual({ tag: 'kept' });
    expect(stage.engine.requests('GET', /\/get\?/)).toEqual([]);
  });

  test('is one platform of an index of which no more is there', async () => {
    const stage = await found({}, [manifest(arm64), manifest(amd64, false)]);
    await pushed(stage);
    const [, sent] = stage.engine.requests('POST');
    expect(sent?.query.get('tag')).toBe('kept');
    expect(JSON.parse(sent?.query.get('platform') ?? '')).toEqual({ os: 'linux', architecture: 'arm64' });
  });

  test('cannot be a part whose platform nobody knows', async () => {
    const { platform: _, ...unknown } = arm64.content.descriptor;
    const there = { Descriptor: unknown, Available: true, Kind: 'image' };
    const stage = await found({}, [there, manifest(amd64, false)]);
    const held = await foundContent(stage, `${SOURCE}:1`);
    expect(held.partial).toEqual({ index: digest });
    expect(held.push).toBeUndefined();
  });

  const cannot = 'http: server gave HTTP response to HTTPS client';
  const faults = [{ path: /\/push\?/, answer: { status: 500, headers: {}, body: Buffer.from(cannot) } }];

  test('is told of when that failed, and a registry that it cannot reach is left alone for a while', async () => {
    const stage = await found({ faults });
    const before = stage.engine.names();
    await expect(pushed(stage)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    const event = { type: 'not-pushed', name: `${BACKUP}:kept`, error: { code: 'REGISTRY_UNREACHABLE' } };
    expect(stage.events).toMatchObject([event]);
    expect(stage.engine.names()).toEqual(before);
    await expect(pushed(stage)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: /a while ago/,
    });
    expect(stage.engine.requests('POST', /\/push/)).toHaveLength(1);
    expect(stage.events).toHaveLength(1);
  });

  test('is not told of when it was stopped', async () => {
    const stopping = new AbortController();
    const never = [{ path: /\/push\?/, pause: { afterBytes: 20, until: new Promise(() => {}) } }];
    const stage = await found({ faults: never });
    const { push } = await foundContent(stage, `${SOURCE}:1`);
    const pushing = push?.(parseReference(BACKUP), 'kept', {}, stopping.signal);
    await stage.engine.seen('POST', /\/push/);
    stopping.abort();
    await expect(pushing).rejects.toMatchObject({ code: 'ABORTED' });
    expect(stage.events).toEqual([]);
  });
});

describe('a daemon that makes content anew', () => {
  const images = [{ id: ID, names: [`${SOURCE}:1`, `${SOURCE}@${PULLED_DIGEST}`] }];

  function classic(options: FakeEngineOptions = {}): Promise<Stage> {
    return setUp({ store: 'classic', images, apiVersion: '1.41', ...options });
  }

  test('pushes under the name of the backup, and is left as it was', async () => {
    const stage = await classic();
    const before = stage.engine.names();
    const held = await foundBehind(stage, `${SOURCE}:1`);
    expect(held).toMatchObject({ faithful: false, digest: PULLED_DIGEST });
    const progress: TransferProgress[] = [];
    const options: TransferOptions = { onProgress: (one) => void progress.push(one) };
    await held.push(parseReference(`${BACKUP}:1`), 'kept', options, signal);
    expect([...stage.engine.pushed]).toEqual([[`${BACKUP}:kept`, ID]]);
    expect(stage.engine.names()).toEqual(before);
    expect(progress).toEqual([
      { layer: '2c5ba97cb2d3', status: 'Pushing', bytes: 512, totalBytes: 1024 },
      { layer: '2c5ba97cb2d3', status: 'Pushed' },
    ]);
  });

  test('finds by digest what its registry gave with that digest, and pushes it', async () => {
    const stage = await classic();
    const held = await foundBehind(stage, `${SOURCE}:9@${PULLED_DIGEST}`);
    expect(held.digest).toBe(PULLED_DIGEST);
    await held.push(parseReference(BACKUP), 'kept', {}, signal);
    expect([...stage.engine.pushed]).toEqual([[`${BACKUP}:kept`, ID]]);
    expect(await stage.daemon.find(parseReference(`${SOURCE}@${OTHER_ID}`), signal)).toBeUndefined();
  });

  test('does not know the digest of a name that had several', async () => {
    const several = [`${SOURCE}:1`, `${SOURCE}@${PULLED_DIGEST}`, `${SOURCE}@${OLDER_DIGEST}`];
    const stage = await classic({ images: [{ id: ID, names: several }] });
    expect(await foundBehind(stage, `${SOURCE}:1`)).not.toHaveProperty('digest');
    expect(await stage.daemon.list(signal)).toEqual([
      { reference: parseReference(`${SOURCE}:1`), whole: true },
    ]);
  });

  test('keeps a name of the backup that it had already', async () => {
    const stage = await classic({ images: [{ id: ID, names: [`${SOURCE}:1`, `${BACKUP}:kept`] }] });
    const held = await foundBehind(stage, `${SOURCE}:1`);
    await held.push(parseReference(BACKUP), 'kept', {}, signal);
    expect([...stage.engine.pushed]).toEqual([[`${BACKUP}:kept`, ID]]);
    expect(stage.engine.names()).toEqual([`${BACKUP}:kept`, `${SOURCE}:1`]);
    expect(stage.engine.requests('DELETE')).toEqual([]);
  });

  test('gives a name of the backup back to the image that had it', async () => {
    const older = { id: OTHER_ID, names: [`${BACKUP}:kept`] };
    const stage = await classic({ images: [{ id: ID, names: [`${SOURCE}:1`] }, older] });
    const held = await foundBehind(stage, `${SOURCE}:1`);
    await held.push(parseReference(BACKUP), 'kept', {}, signal);
    expect([...stage.engine.pushed]).toEqual([[`${BACKUP}:kept`, ID]]);
    expect(stage.engine.images.map((image) => image.names)).toEqual([[`${SOURCE}:1`], [`${BACKUP}:kept`]]);
  });

  test.each(['/push', '/tag'])('is left as it was when %s fails', async (path) => {
    const faults = [
      { path: new RegExp(`${path}\\?`), answer: { status: 500, headers: {}, body: Buffer.from('no') } },
    ];
    const stage = await classic({ faults });
    const before = stage.engine.names();
    const held = await foundBehind(stage, `${SOURCE}:1`);
    await expect(held.push(parseReference(BACKUP), 'kept', {}, signal)).rejects.toMatchObject({
      code: 'FAILED',
      message: /: no$/,
    });
    expect(stage.engine.names()).toEqual(before);
    expect(stage.events).toEqual([]);
  });

  test('is tidied up after a push that was stopped', async () => {
    const stopping = new AbortController();
    const faults = [{ path: /\/push\?/, pause: { afterBytes: 20, until: new Promise(() => {}) } }];
    const stage = await classic({ faults });
    const before = stage.engine.names();
    const held = await foundBehind(stage, `${SOURCE}:1`);
    const pushing = held.push(parseReference(BACKUP), 'kept', {}, stopping.signal);
    await stage.engine.seen('POST', /\/push/);
    stopping.abort();
    await expect(pushing).rejects.toMatchObject({ code: 'ABORTED' });
    expect(stage.engine.names()).toEqual(before);
  });

  test('is told of when a name of ours had to stay on it', async () => {
    const faults = [
      { method: 'DELETE', path: /./, answer: { status: 409, headers: {}, body: Buffer.from('busy') } },
    ];
    const stage = await classic({ faults });
    const held = await foundBehind(stage, `${SOURCE}:1`);
    await held.push(parseReference(BACKUP), 'kept', {}, signal);
    expect(stage.events).toMatchObject([
      { type: 'left-behind', name: `${BACKUP}:kept`, error: { code: 'REFUSED' } },
    ]);
  });
});

describe('a pull', () => {
  const remote = { [`${SOURCE}:1`]: { id: ID, names: [] }, [`${SOURCE}@${ID}`]: { id: ID, names: [] } };

  test.each([
    ['a tag', `${SOURCE}:1`, { fromImage: SOURCE, tag: '1' }],
    ['a digest', `${SOURCE}@${ID}`, { fromImage: SOURCE, tag: ID }],
    ['a digest rather than the tag beside it', `${SOURCE}:9@${ID}`, { fromImage: SOURCE, tag: ID }],
  ])('asks for %s', async (_what, source, query) => {
    const { engine, daemon } = await setUp({ remote });
    const progress: TransferProgress[] = [];
    await daemon.pull(parseReference(source), { onProgress: (one) => void progress.push(one) }, signal);
    expect(engine.requests('POST').map((request) => Object.fromEntries(request.query))).toEqual([query]);
    expect(engine.images).toMatchObject([{ id: ID }]);
    expect(progress).toEqual([
      { layer: '2c5ba97cb2d3', status: 'Downloading', bytes: 512, totalBytes: 1024 },
      { layer: '2c5ba97cb2d3', status: 'Pull complete' },
    ]);
  });

  test('hands the credential on, and to nobody but the daemon', async () => {
    const { engine, daemon } = await setUp({ remote });
    const credential = { kind: 'basic', username: 'u', password: 'p' } as const;
    await daemon.pull(parseReference(`${SOURCE}:1`), { credential }, signal);
    const [request] = engine.requests('POST');
    const sent = Buffer.from(String(request?.headers['x-registry-auth']), 'base64url').toString('utf8');
    expect(JSON.parse(sent)).toEqual({ username: 'u', password: 'p', serveraddress: 'registry.test' });
    expect(request?.query.toString()).not.toMatch(/password|auth/);
  });

  test('of what the registry does not have fails', async () => {
    const { daemon } = await setUp({ remote });
    await expect(daemon.pull(parseReference(`${SOURCE}:2`), {}, signal)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      retriable: false,
      message: `Cannot pull ${SOURCE}:2 through the Docker daemon: manifest for ${SOURCE}:2 not found: manifest unknown`,
    });
  });
});
