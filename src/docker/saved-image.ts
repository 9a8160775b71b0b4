import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Descriptor } from '../image/descriptor.ts';
import { asDockerError } from './connection-error.ts';
import { DockerError } from './docker-error.ts';
import type { EngineSocket } from './engine-socket.ts';
import type { ImageSource, OpenLayout } from './held.ts';

/** Who has an image saved, and where to. */
interface Saving {
  readonly socket: EngineSocket;
  /** `host/path@digest`, so that it is the same image even if a tag has moved meanwhile. */
  readonly name: string;
  readonly openLayout: OpenLayout;
  /** Where folders for images are made. Default: the system's for temporary files. */
  readonly folder?: string;
}

/** What belongs to an OCI image layout; everything else in the archive is for `docker load`. */
const LAYOUT_FILE = /^(?:oci-layout|index\.json|blobs\/sha(?:256|384|512)\/[0-9a-f]{64,128})$/;

/**
 * An image as the daemon saves it: an archive of an OCI layout with the manifests and layers that the registry sent,
 * where its store has kept them. It is unpacked with the first question, into a folder that `close` removes: the
 * archive comes in the order of digests, and a copy needs manifests first.
 */
export class SavedImage implements ImageSource {
  readonly #saving: Saving;
  #folder: Promise<string> | undefined;
  #layout: Promise<ImageSource> | undefined;

  constructor(saving: Saving) {
    this.#saving = saving;
  }

  async resolve(identifier: string, signal: AbortSignal): Promise<Descriptor> {
    return (await this.#open(signal)).resolve(identifier, signal);
  }

  async fetchReference(identifier: string, signal: AbortSignal): ReturnType<ImageSource['fetchReference']> {
    return (await this.#open(signal)).fetchReference(identifier, signal);
  }

  async fetch(descriptor: Descriptor, signal: AbortSignal): Promise<Readable> {
    return (await this.#open(signal)).fetch(descriptor, signal);
  }

  async predecessors(descriptor: Descriptor, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return (await this.#open(signal)).predecessors(descriptor, signal);
  }

  /** Removes what was unpacked; what is read at this moment breaks. */
  async close(): Promise<void> {
    const folder = await this.#folder;
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }

  #open(signal: AbortSignal): Promise<ImageSource> {
    return (this.#layout ??= this.#save(signal));
  }

  async #save(signal: AbortSignal): Promise<ImageSource> {
    const { socket, name, openLayout, folder = tmpdir() } = this.#saving;
    const operation = `save ${name} from the Docker daemon`;
    const archive = await socket.stream({ path: `/images/${name}/get`, operation, signal });
    this.#folder = mkdtemp(join(folder, 'image-cloner-'));
    const into = await this.#folder;
    try {
      await unpack(archive, into);
      return await openLayout(into);
    } catch (error) {
      throw isOfArchive(error) ? damaged(operation, error) : asDockerError(error, { operation, signal });
    }
  }
}

/** Loaded here: who never saves an image does not need it. */
async function unpack(archive: AsyncIterable<Buffer>, cwd: string): Promise<void> {
  const { extract } = await import('tar');
  await pipeline(
    Readable.from(archive, { objectMode: false }),
    extract({ cwd, filter: belongsToLayout, strict: true, noChmod: true }),
  );
}

function belongsToLayout(path: string, entry: object): boolean {
  return 'type' in entry && entry.type === 'File' && LAYOUT_FILE.test(path);
}

/** tar's errors have codes of its own. */
function isOfArchive(error: unknown): boolean {
  return error instanceof Error && 'tarCode' in error;
}

function damaged(operation: string, cause: unknown): DockerError {
  return new DockerError('the archive is damaged', { code: 'PROTOCOL', operation, cause });
}
