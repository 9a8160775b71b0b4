import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { algorithmOf, Digest } from '../image/digest.ts';
import { Refusal } from './refusal.ts';

type Algorithm = ReturnType<typeof algorithmOf>;

/** A blob on its way in. What has arrived stays, so that a client whose connection broke can go on from there. */
export class Upload {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly #algorithm: Algorithm;
  readonly #hash: Hash;
  #size = 0;
  #isBusy = false;
  #lastUsed = Date.now();

  /** @param path of the file it is written to, which is made by the first `append` */
  constructor(id: string, { name, path, algorithm }: { name: string; path: string; algorithm: Algorithm }) {
    this.id = id;
    this.name = name;
    this.path = path;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  /** Bytes that have arrived. */
  get size(): number {
    return this.#size;
  }

  /** Milliseconds since anything arrived. */
  get idle(): number {
    return this.#isBusy ? 0 : Date.now() - this.#lastUsed;
  }

  /** @throws Refusal when another request is at it: the order of bytes would be lost */
  async append(chunks: AsyncIterable<Buffer>): Promise<void> {
    this.#begin();
    try {
      await this.#take(chunks);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Takes the last bytes. From then on no request can add any, or a blob could change after its digest was checked. */
  async complete(chunks: AsyncIterable<Buffer>): Promise<void> {
    this.#begin();
    try {
      await this.#take(chunks);
    } catch (error) {
      this.#isBusy = false;
      throw error;
    }
  }

  /** Digest of everything that arrived. Read again only if another algorithm was announced. */
  async digest(algorithm: Algorithm): Promise<Digest> {
    if (algorithm === this.#algorithm) return `${algorithm}:${this.#hash.copy().digest('hex')}`;
    const hash = createHash(algorithm);
    await pipeline(createReadStream(this.path), hash);
    return `${algorithm}:${hash.digest('hex')}`;
  }

  async discard(): Promise<void> {
    await rm(this.path, { force: true });
  }

  #begin(): void {
    if (this.#isBusy)
      throw new Refusal({
        status: 409,
        code: 'BLOB_UPLOAD_INVALID',
        message: 'wanted one request at a time',
      });
    this.#isBusy = true;
  }

  async #take(chunks: AsyncIterable<Buffer>): Promise<void> {
    const file = await open(this.path, 'a');
    try {
      // A write that failed for want of space may have left a part of its chunk behind.
      await file.truncate(this.#size);
      for await (const chunk of chunks) await this.#write(file, chunk);
    } finally {
      this.#lastUsed = Date.now();
      await file.close();
    }
  }

  async #write(file: FileHandle, chunk: Buffer): Promise<void> {
    await file.writeFile(chunk);
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }
}
