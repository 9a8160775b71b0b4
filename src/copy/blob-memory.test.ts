import { expect, test } from 'vitest';
import { digestOf } from '../image/digest.ts';
import { BlobMemory } from './blob-memory.ts';

const base = { host: 'backup.example', path: 'base' };
const app = { host: 'backup.example', path: 'app' };
const elsewhere = { host: 'other.example', path: 'base' };
const digest = digestOf(Buffer.from('layer'));

test('whoever comes second learns from where the blob can be mounted once it has arrived', async () => {
  const memory = new BlobMemory();
  const { promise, resolve } = Promise.withResolvers<void>();
  expect(memory.holderOf(app, digest)).toBeUndefined();
  memory.announce(base, digest, promise);
  const holder = memory.holderOf(app, digest);
  resolve();
  expect([holder?.path, await holder?.arrived]).toEqual(['base', 'base']);
});

test('a blob that did not arrive is forgotten', async () => {
  const memory = new BlobMemory();
  memory.announce(base, digest, Promise.reject(new Error('broken')));
  expect(await memory.holderOf(app, digest)?.arrived).toBeUndefined();
  expect(memory.holderOf(app, digest)).toBeUndefined();
});

test('whoever sends it after all is the one to be asked, and keeps being so when the first one fails', async () => {
  const memory = new BlobMemory();
  const { promise, reject } = Promise.withResolvers<void>();
  memory.announce(base, digest, promise);
  const first = memory.holderOf(app, digest);
  memory.announce(app, digest, Promise.resolve());
  reject(new Error('broken'));
  expect(await first?.arrived).toBeUndefined();
  expect(await memory.holderOf(base, digest)?.arrived).toBe('app');
});

test('registries and blobs are told apart', () => {
  const memory = new BlobMemory();
  memory.announce(base, digest, Promise.resolve());
  expect(memory.holderOf(elsewhere, digest)).toBeUndefined();
  expect(memory.holderOf(app, digestOf(Buffer.from('other')))).toBeUndefined();
});

test('a blob of a circle is for those of the circle, everybody’s is for all', async () => {
  const memory = new BlobMemory();
  const ofA = { ...base, path: 'ns/a/app', circles: ['tenant a', 'source r/app'] };
  memory.announce(ofA, digest, Promise.resolve());
  expect(memory.holderOf(app, digest)).toBeUndefined();
  expect(memory.holderOf({ ...app, circles: ['tenant b', 'source r/other'] }, digest)).toBeUndefined();
  expect(memory.holderOf({ ...app, circles: ['tenant a'] }, digest)?.path).toBe('ns/a/app');
  expect(memory.holderOf({ ...app, circles: ['tenant b', 'source r/app'] }, digest)?.path).toBe('ns/a/app');
  memory.announce(base, digest, Promise.resolve());
  expect(memory.holderOf({ ...app, circles: ['tenant a'] }, digest)?.path).toBe('base');
});

test('a blob of a circle that did not arrive is forgotten in all of its circles', async () => {
  const memory = new BlobMemory();
  const circles = ['one', 'two'];
  memory.announce({ ...base, circles }, digest, Promise.reject(new Error('broken')));
  expect(await memory.holderOf({ ...app, circles }, digest)?.arrived).toBeUndefined();
  for (const circle of circles)
    expect(memory.holderOf({ ...app, circles: [circle] }, digest)).toBeUndefined();
});
