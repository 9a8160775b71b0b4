import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { algorithmOf } from '../image/digest.ts';
import { Refusal } from './refusal.ts';
import { Upload } from './upload.ts';

/** An upload that nothing arrived for in so long is given up, as the spec asks ("Cancel a blob upload"). */
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

/** Uploads under way, each a file of its own in one directory. They do not outlive the process. */
export class UploadSessions {
  readonly #directory: string;
  readonly #uploads = new Map<string, Upload>();

  /** @param directory on the file system of the repositories, since finished uploads are moved there */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes the directory, and removes what an earlier process left there. */
  async prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    for (const name of await readdir(this.#directory)) {
      const path = join(this.#directory, name);
      const { mtimeMs } = await stat(path);
      if (Date.now() - mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
    }
  }

  async begin(name: string, algorithm: ReturnType<typeof algorithmOf>): Promise<Upload> {
    await this.#discardAbandoned();
    const id = randomUUID();
    const upload = new Upload(id, { name, algorithm, path: join(this.#directory, id) });
    this.#uploads.set(id, upload);
    return upload;
  }

  /** @throws Refusal when there is no such upload in that repository */
  get(name: string, id: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload?.name === name) return upload;
    throw new Refusal({ status: 404, code: 'BLOB_UPLOAD_UNKNOWN', message: 'upload is not known' });
  }

  /** Forgets an upload, and what has arrived of it unless that was moved away. */
  async end(upload: Upload): Promise<void> {
    this.#uploads.delete(upload.id);
    await upload.discard();
  }

  async #discardAbandoned(): Promise<void> {
    const abandoned = [...this.#uploads.values()].filter(({ idle }) => idle > ABANDONED_AFTER_MS);
    await Promise.all(abandoned.map((upload) => this.end(upload)));
  }
}
