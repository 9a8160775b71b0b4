import { readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { archiveOf, savedArchive } from '../../test/fakes/docker-archive.ts';
import { startEngine } from '../../test/fakes/docker-engine.ts';
import type { Fault } from '../../test/fakes/fault.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { makeImage } from '../../test/images/image.ts';
import { Layout } from '../layout/layout.ts';
import { EngineSocket } from './engine-socket.ts';
import { SavedImage } from './saved-image.ts';

const { signal } = new AbortController();
const TURNS = 200;
const image = await makeImage();
const { digest } = image.content.descriptor;
const NAME = `registry.test/app@${digest}`;
const archive = await savedArchive(image);

interface Scene {
  readonly saved: SavedImage;
  /** Where folders for images are made. */
  readonly folder: string;
}

async function scene(bytes: Buffer, faults: readonly Fault[] = [], folder?: string): Promise<Scene> {
  const engine = await startEngine({ images: [{ id: digest, names: [NAME], archive: bytes }], faults });
  const into = folder ?? (await tempFolder());
  const socket = new EngineSocket({ path: engine.socket }).at('1.51');
  return {
    saved: new SavedImage({ socket, name: NAME, openLayout: (path) => Layout.open(path), folder: into }),
    folder: into,
  };
}

/** Every file and link below a folder. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

describe('a saved image', () => {
  test('is unpacked into a folder of its own, and only what belongs to a layout', async () => {
    const strangers: [string, Buffer][] = [
      ['repositories', Buffer.from('{}')],
      ['blobs/sha256/../../../escaped', Buffer.from('x')],
      ['../escaped', Buffer.from('x')],
      ['/tmp/image-cloner-escaped', Buffer.from('x')],
      ['blobs/md5/0123', Buffer.from('x')],
      [`blobs/sha256/${'0'.repeat(64)}.sh`, Buffer.from('x')],
    ];
    const { saved, folder } = await scene(Buffer.concat([archiveOf(strangers).subarray(0, -1024), archive]));
    await saved.resolve(digest, signal);
    const [own = ''] = await readdir(folder);
    const wanted = [image.content.descriptor, ...image.blobs.map(({ descriptor }) => descriptor)].map((one) =>
      join(folder, own, 'blobs', one.digest.replace(':', '/')),
    );
    wanted.push(join(folder, own, 'index.json'), join(folder, own, 'oci-layout'));
    expect((await filesIn(folder)).toSorted()).toEqual(wanted.toSorted());
    await saved.close();
    expect(await readdir(folder)).toEqual([]);
  });

  test('holds no links', async () => {
    const bytes = Buffer.from(archive);
    // The type of the first entry (POSIX ustar, `typeflag`), with the checksum that goes with it.
    bytes.write('2', 156);
    bytes.write('/etc/passwd', 157);
    bytes.fill(' ', 148, 156);
    const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const { saved, folder } = await scene(bytes);
    await saved.resolve(digest, signal).catch(() => undefined);
    const name = archive.toString('utf8', 0, 100).replace(/\0.*/, '');
    expect(name).toMatch(/^blobs\/sha256\/[0-9a-f]{64}$/);
    expect((await filesIn(folder)).filter((file) => file.endsWith(name))).toEqual([]);
  });

  test.each<[string, Buffer, object]>([
    ['that is empty', Buffer.alloc(0), { name: 'DockerError', code: 'PROTOCOL' }],
    ['with nothing in it', archiveOf([]), { name: 'DockerError', code: 'PROTOCOL' }],
    ['that is no archive', Buffer.alloc(4096, 'x'), { name: 'DockerError', code: 'PROTOCOL' }],
    ['cut in a file', archive.subarray(0, 700), { name: 'DockerError', code: 'PROTOCOL' }],
    [
      'with a broken checksum',
      Buffer.concat([Buffer.from('y'), archive.subarray(1)]),
      {
        name: 'DockerError',
        code: 'PROTOCOL',
        message: `Cannot save ${NAME} from the Docker daemon: the archive is damaged`,
      },
    ],
    [
      'of the classic store of old',
      archiveOf([['manifest.json', Buffer.from('[]')]]),
      { code: 'INVALID_LAYOUT' },
    ],
    ['with a file twice', Buffer.concat([archive.subarray(0, -1024), archive]), { code: 'EEXIST' }],
    [
      'whose index is no JSON',
      archiveOf([
        ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
        ['index.json', Buffer.from('{')],
      ]),
      { code: 'INVALID_LAYOUT' },
    ],
  ])('%s is an error, and leaves nothing', async (_what, bytes, error) => {
    const { saved, folder } = await scene(bytes);
    await expect(saved.resolve(digest, signal)).rejects.toMatchObject(error);
    await saved.close();
    expect(await readdir(folder)).toEqual([]);
  });

  test('without what was found is not there', async () => {
    const { saved } = await scene(await savedArchive(image, [digest]));
    await expect(saved.fetchReference(digest, signal)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('with other bytes than its digest says is an error when they are read', async () => {
    const [, layer] = image.blobs;
    if (layer === undefined) throw new Error('Cannot go on: wanted a layer');
    const { saved, folder } = await scene(archive);
    await saved.resolve(digest, signal);
    const [own = ''] = await readdir(folder);
    const path = join(folder, own, 'blobs', layer.descriptor.digest.replace(':', '/'));
    await rm(path);
    await writeFile(path, Buffer.alloc(layer.descriptor.size));
    const stream = await saved.fetch(layer.descriptor, signal);
    await expect(stream.toArray()).rejects.toMatchObject({ code: 'CONTENT_MISMATCH' });
  });

  test.each<[string, Partial<Fault>, object]>([
    ['cut on the way', { cutAfterResponseBytes: 1500 }, { code: 'INTERRUPTED' }],
    ['refused', { answer: { status: 500, headers: {}, body: Buffer.from('no') } }, { code: 'FAILED' }],
  ])('%s is an error, and leaves nothing', async (_how, fault, error) => {
    const { saved, folder } = await scene(archive, [{ path: /\/get/, ...fault }]);
    await expect(saved.resolve(digest, signal)).rejects.toMatchObject(error);
    // One attempt a find: what was begun is not begun anew by the next question.
    await expect(saved.fetchReference(digest, signal)).rejects.toMatchObject(error);
    await saved.close();
    expect(await readdir(folder)).toEqual([]);
  });

  test('that was given up leaves nothing', async () => {
    const stopping = new AbortController();
    const until = new Promise(() => {});
    const { saved, folder } = await scene(archive, [{ path: /\/get/, pause: { afterBytes: 1500, until } }]);
    const resolving = Promise.allSettled([saved.resolve(digest, stopping.signal)]);
    await expect.poll(() => filesIn(folder)).not.toEqual([]);
    stopping.abort();
    expect(await resolving).toMatchObject([{ reason: { code: 'ABORTED' } }]);
    await saved.close();
    expect(await readdir(folder)).toEqual([]);
  });

  test('that is closed while it is unpacked leaves nothing', async () => {
    const { promise: until, resolve: release } = Promise.withResolvers<void>();
    const { saved, folder } = await scene(archive, [{ path: /\/get/, pause: { afterBytes: 1500, until } }]);
    const resolving = Promise.allSettled([saved.resolve(digest, signal)]);
    await expect.poll(() => filesIn(folder)).not.toEqual([]);
    const closing = saved.close();
    // Time for a removal that does not wait, after which the rest would be unpacked.
    for (let turns = 0; turns < TURNS; turns += 1) await turn();
    release();
    await Promise.all([resolving, closing]);
    expect(await readdir(folder)).toEqual([]);
  });

  test('that was never read has nothing to close', async () => {
    const { saved, folder } = await scene(archive);
    await saved.close();
    expect(await readdir(folder)).toEqual([]);
  });

  test('tells what the file system says, and can be closed all the same', async () => {
    const folder = join(await tempFolder(), 'absent');
    const { saved } = await scene(archive, [], folder);
    await expect(saved.resolve(digest, signal)).rejects.toMatchObject({ code: 'ENOENT' });
    await saved.close();
  });

  test('does not follow a link that somebody else put into its way', async () => {
    const [folder, elsewhere] = [await tempFolder(), await tempFolder()];
    await symlink(elsewhere, join(folder, 'blobs'));
    const { saved } = await scene(archive, [], folder);
    await saved.resolve(digest, signal);
    expect(await readdir(elsewhere)).toEqual([]);
    await saved.close();
    expect(await readdir(folder)).toEqual(['blobs']);
  });
});
