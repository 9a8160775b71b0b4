import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Descriptor } from '../image/descriptor.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../image/media-type.ts';
import { IndexFile } from './index-file.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'index-'));
  path = join(dir, 'index.json');
});
afterEach(() => rm(dir, { recursive: true }));

function entry(id: number): Descriptor {
  return { mediaType: OCI_MANIFEST, digest: digestOf(Buffer.from(String(id))), size: id };
}

async function read(): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

test('a new file lists nothing, and one that is there is left alone', async () => {
  const file = new IndexFile(path);
  await file.create();
  expect(await read()).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
  await file.update(() => [entry(1)]);
  await new IndexFile(path).create();
  expect(await file.entries()).toEqual([entry(1)]);
});

test('files made at once by several are made once', async () => {
  const files = Array.from({ length: 5 }, () => new IndexFile(path));
  await Promise.all(
    files.map(async (file, id) => {
      await file.create();
      await file.update((entries) => [...entries, entry(id)]);
    }),
  );
  expect(await new IndexFile(path).entries()).toHaveLength(5);
});

test('each of many changes at once sees those before it', async () => {
  const file = new IndexFile(path);
  await file.create();
  const seen: number[] = [];
  await Promise.all(
    Array.from({ length: 30 }, (_, id) =>
      file.update((entries) => {
        seen.push(entries.length);
        return [...entries, entry(id)];
      }),
    ),
  );
  expect(seen).toEqual(Array.from({ length: 30 }, (_, id) => id));
});

test('a change that fails changes nothing, and the next one works', async () => {
  const file = new IndexFile(path);
  await file.create();
  const failing = file.update(() => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await file.update(() => [entry(1)]);
  expect(await file.entries()).toEqual([entry(1)]);
  expect(await readdir(dir)).toEqual(['index.json']);
});

test('the array stays the same until the file changes, whoever changes it', async () => {
  const [file, other] = [new IndexFile(path), new IndexFile(path)];
  await file.create();
  const first = await file.entries();
  expect(await file.entries()).toBe(first);
  await other.update(() => [entry(1)]);
  expect(await file.entries()).toEqual([entry(1)]);
  // Same length and, within one tick of the clock, same time: only the content tells.
  await other.update(() => [entry(2)]);
  await other.update(() => [entry(3)]);
  expect(await file.entries()).toEqual([entry(3)]);
});

test('whoever reads while others write sees a whole file', async () => {
  const file = new IndexFile(path);
  await file.create();
  const writing = Promise.all(
    Array.from({ length: 50 }, (_, id) => file.update((entries) => [...entries, entry(id)])),
  );
  const reading = Promise.all(Array.from({ length: 200 }, () => read()));
  for (const seen of await reading) expect(seen).toMatchObject({ schemaVersion: 2 });
  await writing;
});

test('fields nobody here knows are written back', async () => {
  const odd = {
    ...entry(1),
    platform: { os: 'linux', architecture: 'arm', 'os.features': ['x'] },
    later: { a: 1 },
  };
  await writeFile(
    path,
    JSON.stringify({ schemaVersion: 2, annotations: { a: 'b' }, extra: true, manifests: [odd] }),
  );
  await new IndexFile(path).update((entries) => [...entries, entry(2)]);
  expect(await read()).toEqual({
    schemaVersion: 2,
    annotations: { a: 'b' },
    extra: true,
    manifests: [odd, entry(2)],
  });
});

test.each([
  ['a number', '{"manifests":[1]}', /manifests\[0\]/],
  ['null', '{"manifests":[null]}', /manifests\[0\]/],
  ['without a size', `{"manifests":[{"mediaType":"x","digest":"${entry(1).digest}"}]}`, /manifests\[0\]/],
  [
    'with a negative size',
    `{"manifests":[{"mediaType":"x","digest":"${entry(1).digest}","size":-1}]}`,
    /manifests\[0\]/,
  ],
  [
    'with an unknown algorithm',
    '{"manifests":[{"mediaType":"x","digest":"md5:aa","size":1}]}',
    /manifests\[0\]/,
  ],
  ['second after a good one', `{"manifests":[${JSON.stringify(entry(1))},{}]}`, /manifests\[1\]/],
])('an entry that is %s is refused by its place', async (_, text, message) => {
  await writeFile(path, text);
  await expect(new IndexFile(path).entries()).rejects.toMatchObject({
    code: 'INVALID_LAYOUT',
    message: expect.stringMatching(message),
  });
});
