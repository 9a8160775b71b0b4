import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadEntry } from 'tar';
import { DockerError } from './docker-error.ts';

/** What belongs to an OCI image layout; everything else in the archive is for `docker load`. */
const LAYOUT_FILE = /^(?:oci-layout|index\.json|blobs\/sha(?:256|384|512)\/[0-9a-f]{64,128})$/;

/**
 * Unpacks the OCI image layout in an archive that `docker save` made. When it ends, in whatever way, nothing is being
 * written any more.
 * @param folder an empty one
 * @throws DockerError; what `archive` breaks with; errors of the file system as they are
 */
export async function unpackLayout(
  archive: AsyncIterable<Buffer>,
  folder: string,
  operation: string,
): Promise<void> {
  const unpacking = new Unpacking(folder);
  try {
    await unpacking.run(archive);
  } catch (cause) {
    if (!isOfArchive(cause)) throw cause;
    throw new DockerError('the archive is damaged', { code: 'PROTOCOL', operation, cause });
  }
}

/** The files are written here and not by tar, which goes on writing after it has failed. */
class Unpacking {
  readonly #folder: string;
  readonly #failing = new AbortController();
  readonly #writes: Promise<void>[] = [];
  #current: Readable | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async run(archive: AsyncIterable<Buffer>): Promise<void> {
    // Loaded here: who never saves an image does not need it.
    const { Parser } = await import('tar');
    const onReadEntry = (entry: ReadEntry): void => this.#take(entry);
    const parser = new Parser({ strict: true, filter: belongsToLayout, onReadEntry });
    const { signal } = this.#failing;
    try {
      await pipeline(Readable.from(archive, { objectMode: false }), parser, { signal });
      await Promise.all(this.#writes);
    } catch (error) {
      this.#current?.destroy();
      throw signal.aborted ? signal.reason : error;
    } finally {
      await Promise.allSettled(this.#writes);
    }
  }

  /** tar hands out one at a time, and the next when all of it was read. */
  #take(entry: ReadEntry): void {
    // Not the entry itself: who begins to read one that was given up waits for ever.
    const content = entry.pipe(new PassThrough());
    this.#current = content;
    const write = this.#write(entry.path, content);
    write.catch((fault: unknown) => this.#failing.abort(fault));
    this.#writes.push(write);
  }

  async #write(name: string, content: Readable): Promise<void> {
    const path = join(this.#folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { flag: 'wx' });
  }
}

/** No links, no folders, and no names that lead elsewhere. */
function belongsToLayout(path: string, entry: object): boolean {
  return 'type' in entry && entry.type === 'File' && LAYOUT_FILE.test(path);
}

/** tar's errors have codes of their own. */
function isOfArchive(error: unknown): boolean {
  return error instanceof Error && 'tarCode' in error;
}
