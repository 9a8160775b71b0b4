import { copyFile, type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, type Digest, digestOf, hexOf } from '../image/digest.ts';
import { isAbsent, LayoutError } from './layout-error.ts';
import { removeAbandoned, withTemporary } from './temporary.ts';
import { VerifiedStream } from './verified-stream.ts';

/** Read and written at once, in bytes: the default of 64 KiB costs a third of the throughput. */
const CHUNK = 512 * 1024;

/** First and last byte, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The directory `blobs` of a layout: content under `<algorithm>/<hex>`, manifests and blobs alike. */
export class BlobStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @returns its size in bytes, or undefined when it is absent */
  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.#pathOf(digest))).size;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Opens content as it is, unverified: for those who pass the digest on to somebody who checks it. */
  async read(digest: Digest, range?: ByteRange): Promise<Readable> {
    const file = await this.#open(digest);
    return file.createReadStream({ highWaterMark: CHUNK, ...range });
  }

  /** Reads small content whole. @param limit most bytes it may have */
  async readWhole(digest: Digest, limit: number): Promise<Buffer> {
    const operation = `read ${digest}`;
    const file = await this.#open(digest);
    try {
      const { size } = await file.stat();
      if (size > limit)
        throw new LayoutError(`wanted at most ${limit} bytes, got ${size}`, { code: 'TOO_LARGE', operation });
      const bytes = await file.readFile();
      if (digestOf(bytes, algorithmOf(digest)) === digest) return bytes;
      throw new LayoutError('its content has another digest', { code: 'CONTENT_MISMATCH', operation });
    } finally {
      await file.close();
    }
  }

  /** Takes in content and checks it on the way. On any failure nothing is left of it. */
  async write(
    descriptor: Descriptor,
    openSource: () => Promise<Readable>,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = await this.#prepare(descriptor.digest);
    const operation = `write ${descriptor.digest}`;
    await withTemporary(path, async (temporary) => {
      const file = await open(temporary, 'wx');
      try {
        const sink = file.createWriteStream({ highWaterMark: CHUNK });
        const verified = new VerifiedStream(descriptor, operation);
        // Opened this late, the source is never without somebody who hears its errors.
        await pipeline(await openSource(), verified, sink, signal === undefined ? {} : { signal });
      } finally {
        await file.close();
      }
    }).catch((cause: unknown) => {
      if (signal?.aborted !== true) throw cause;
      throw new LayoutError('it was aborted', { code: 'ABORTED', operation, cause });
    });
  }

  /** Takes in a file whose content was checked by the caller, by moving it. It must be on the same file system. */
  async adopt(file: string, digest: Digest): Promise<void> {
    await rename(file, await this.#prepare(digest));
  }

  /** Takes in content of another store without a copy where the file system can. @returns false when it is not there */
  async link(source: BlobStore, digest: Digest): Promise<boolean> {
    if ((await this.size(digest)) !== undefined) return true;
    const path = await this.#prepare(digest);
    const sourcePath = source.#pathOf(digest);
    try {
      await withTemporary(path, (temporary) =>
        link(sourcePath, temporary).catch(() => copyFile(sourcePath, temporary)),
      );
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  /** @returns false when it was not there */
  async delete(digest: Digest): Promise<boolean> {
    if ((await this.size(digest)) === undefined) return false;
    await rm(this.#pathOf(digest), { force: true });
    return true;
  }

  async removeAbandoned(): Promise<void> {
    const algorithms = await readdir(this.#directory).catch(() => []);
    for (const algorithm of algorithms) await removeAbandoned(join(this.#directory, algorithm));
  }

  async #open(digest: Digest): Promise<FileHandle> {
    try {
      return await open(this.#pathOf(digest));
    } catch (cause) {
      if (!isAbsent(cause)) throw cause;
      throw new LayoutError('it is not there', { code: 'NOT_FOUND', operation: `read ${digest}`, cause });
    }
  }

  async #prepare(digest: Digest): Promise<string> {
    const path = this.#pathOf(digest);
    await mkdir(dirname(path), { recursive: true });
    return path;
  }

  /** A `Digest` is a known algorithm and hex digits, so this never leaves the directory. */
  #pathOf(digest: Digest): string {
    return join(this.#directory, algorithmOf(digest), hexOf(digest));
  }
}
