import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { digestOf, hexOf } from '../image/digest.ts';
import { BlobStore } from './blob-store.ts';

let dir: string;
let store: BlobStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'blobs-'));
  store = new BlobStore(join(dir, 'one'));
});
afterEach(() => rm(dir, { recursive: true }));

const BYTES = Buffer.from('0123456789');
const digest = digestOf(BYTES);
const descriptor = { mediaType: 'application/octet-stream', digest, size: BYTES.length };

test('content can be read whole, as a stream and in part', async () => {
  await store.write(descriptor, async () => Readable.from([BYTES]));
  expect(await store.size(digest)).toBe(10);
  expect(await store.readWhole(digest, 10)).toEqual(BYTES);
  expect(await text(await store.read(digest))).toBe('0123456789');
  expect(await text(await store.read(digest, { start: 2, end: 4 }))).toBe('234');
});

test('an empty blob is a blob', async () => {
  const empty = { ...descriptor, digest: digestOf(Buffer.alloc(0)), size: 0 };
  await store.write(empty, async () => Readable.from([]));
  expect(await store.size(empty.digest)).toBe(0);
  expect(await text(await store.read(empty.digest))).toBe('');
});

test('content lies under its algorithm', async () => {
  const long = digestOf(BYTES, 'sha512');
  await store.write({ ...descriptor, digest: long }, async () => Readable.from([BYTES]));
  expect(await readdir(join(dir, 'one/sha512'))).toEqual([hexOf(long)]);
});

test('absent content has no size and cannot be read or deleted', async () => {
  expect(await store.size(digest)).toBeUndefined();
  expect(await store.delete(digest)).toBe(false);
  await expect(store.read(digest)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(store.readWhole(digest, 10)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('content over the limit is not read whole', async () => {
  await store.write(descriptor, async () => Readable.from([BYTES]));
  await expect(store.readWhole(digest, 9)).rejects.toMatchObject({ code: 'TOO_LARGE' });
});

test('deleted content is gone', async () => {
  await store.write(descriptor, async () => Readable.from([BYTES]));
  expect(await store.delete(digest)).toBe(true);
  expect(await store.size(digest)).toBeUndefined();
});

test('a file is adopted by moving it', async () => {
  await writeFile(join(dir, 'upload'), BYTES);
  await store.adopt(join(dir, 'upload'), digest);
  expect(await readdir(dir)).toEqual(['one']);
  expect(await store.readWhole(digest, 10)).toEqual(BYTES);
});

test('content of another store is linked, not copied', async () => {
  const other = new BlobStore(join(dir, 'two'));
  expect(await other.link(store, digest)).toBe(false);
  await store.write(descriptor, async () => Readable.from([BYTES]));
  expect(await other.link(store, digest)).toBe(true);
  expect(await other.link(store, digest)).toBe(true);
  const { ino } = await stat(join(dir, 'one/sha256', hexOf(digest)));
  expect((await stat(join(dir, 'two/sha256', hexOf(digest)))).ino).toBe(ino);
  await store.delete(digest);
  expect(await other.size(digest)).toBe(10);
});
