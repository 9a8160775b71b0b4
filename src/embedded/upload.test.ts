import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { digestOf } from '../image/digest.ts';
import { Upload } from './upload.ts';
import { UploadSessions } from './upload-sessions.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'upload-'));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(dir, { recursive: true });
});

async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

/** Chunks that break off. */
async function* broken(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
  throw new Error('gone');
}

let uploads = 0;
function begin(algorithm: 'sha256' | 'sha384' | 'sha512' = 'sha256'): Upload {
  uploads += 1;
  const id = String(uploads);
  return new Upload(id, { name: 'app', algorithm, path: join(dir, id) });
}

describe('an upload', () => {
  test('has the digest of all that arrived, however it was cut, announced or not', async () => {
    const algorithm = fc.constantFrom('sha256', 'sha384', 'sha512');
    const requests = fc.array(fc.array(fc.string(), { maxLength: 3 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(requests, algorithm, algorithm, async (texts, announced, wanted) => {
        const upload = begin(announced);
        for (const request of texts) await upload.append(chunksOf(...request));
        await upload.complete(chunksOf());
        const whole = Buffer.from(texts.flat().join(''));
        expect(await upload.digest(wanted)).toBe(digestOf(whole, wanted));
        expect([upload.size, await readFile(upload.path)]).toEqual([whole.length, whole]);
      }),
      { numRuns: 30 },
    );
  });

  test('keeps what arrived before its client was gone', async () => {
    const upload = begin();
    await expect(upload.append(broken('abc'))).rejects.toThrow('gone');
    expect(upload.size).toBe(3);
    await upload.append(chunksOf('def'));
    expect(await upload.digest('sha256')).toBe(digestOf(Buffer.from('abcdef')));
  });

  test('goes on after a last request that broke off', async () => {
    const upload = begin();
    await expect(upload.complete(broken('abc'))).rejects.toThrow('gone');
    await upload.complete(chunksOf('def'));
    expect(await readFile(upload.path, 'utf8')).toBe('abcdef');
  });

  test('takes nothing more once it is complete, so that what was checked stays', async () => {
    const upload = begin();
    await upload.complete(chunksOf('abc'));
    for (const more of [upload.append(chunksOf('x')), upload.complete(chunksOf('x'))])
      await expect(more).rejects.toMatchObject({ status: 409, code: 'BLOB_UPLOAD_INVALID' });
    expect(await readFile(upload.path, 'utf8')).toBe('abc');
  });

  test('takes one request at a time', async () => {
    const upload = begin();
    const gate = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<Buffer> {
      await gate.promise;
      yield Buffer.from('abc');
    }
    const first = upload.append(slow());
    await expect(upload.append(chunksOf('x'))).rejects.toMatchObject({ status: 409 });
    gate.resolve();
    await first;
    await upload.append(chunksOf('def'));
    expect(await readFile(upload.path, 'utf8')).toBe('abcdef');
  });

  test('drops what a failed write left behind its last good byte', async () => {
    const upload = begin();
    await upload.append(chunksOf('abc'));
    await appendFile(upload.path, 'garbage');
    await upload.complete(chunksOf('def'));
    expect(await readFile(upload.path, 'utf8')).toBe('abcdef');
  });

  test('that cannot be written can be tried again', async () => {
    const upload = new Upload('x', { name: 'app', algorithm: 'sha256', path: join(dir, 'none', 'x') });
    for (let attempt = 0; attempt < 2; attempt += 1)
      await expect(upload.append(chunksOf('abc'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(upload.size).toBe(0);
  });
});

describe('sessions', () => {
  const HOUR = 60 * 60 * 1000;

  test('are found by id in their own repository', async () => {
    const sessions = new UploadSessions(dir);
    const upload = await sessions.begin('app', 'sha256');
    expect(sessions.get('app', upload.id)).toBe(upload);
    for (const [name, id] of [
      ['other', upload.id],
      ['app', 'none'],
      ['app', ''],
    ] as const)
      expect(() => sessions.get(name, id)).toThrow(
        expect.objectContaining({ status: 404, code: 'BLOB_UPLOAD_UNKNOWN' }),
      );
  });

  test('that nothing arrived for in an hour are given up with their file', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const sessions = new UploadSessions(dir);
    const old = await sessions.begin('app', 'sha256');
    await old.append(chunksOf('abc'));
    vi.setSystemTime(Date.now() + 0.9 * HOUR);
    const young = await sessions.begin('app', 'sha256');
    await young.append(chunksOf('abc'));
    expect(sessions.get('app', old.id)).toBe(old);
    vi.setSystemTime(Date.now() + 0.2 * HOUR);
    await sessions.begin('app', 'sha256');
    expect(() => sessions.get('app', old.id)).toThrow(expect.objectContaining({ status: 404 }));
    expect(await readdir(dir)).toEqual([young.id]);
  });

  test('under way are never given up, however long nothing arrives', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const sessions = new UploadSessions(dir);
    const upload = await sessions.begin('app', 'sha256');
    const gate = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<Buffer> {
      await gate.promise;
      yield Buffer.from('abc');
    }
    const appending = upload.append(slow());
    vi.setSystemTime(Date.now() + 5 * HOUR);
    await sessions.begin('app', 'sha256');
    gate.resolve();
    await appending;
    expect(sessions.get('app', upload.id).size).toBe(3);
  });

  test('that ended are forgotten, with their file or after it was moved away', async () => {
    const sessions = new UploadSessions(dir);
    const upload = await sessions.begin('app', 'sha256');
    await upload.append(chunksOf('abc'));
    await sessions.end(upload);
    await sessions.end(upload);
    expect(await readdir(dir)).toEqual([]);
    expect(() => sessions.get('app', upload.id)).toThrow(expect.objectContaining({ status: 404 }));
  });
});
