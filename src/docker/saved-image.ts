import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import type { EngineSocket } from './engine-socket.ts';
import type { ImageSource, OpenLayout } from './held.ts';
import { unpackLayout } from './layout-archive.ts';

/** Who has an image saved, and where to. */
interface Saving {
  readonly socket: EngineSocket;
  /** `host/path@digest`, so that it is the same image even if a tag has moved meanwhile. */
  readonly name: string;
  readonly openLayout: OpenLayout;
  /** Where folders for images are made. Default: the system's for temporary files. */
  readonly folder?: string;
}

/**
 * An image as the daemon saves it: an archive of an OCI layout with the manifests and layers that the registry sent,
 * where its store has kept them. It is unpacked with the first question, into a folder that `close` removes: the
 * archive comes in the order of digests, and a copy needs manifests first.
 */
export class SavedImage implements ImageSource {
  readonly #saving: Saving;
  #folder: string | undefined;
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

  /** Removes what was unpacked; what is read at this moment breaks. Never rejects. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#layout]);
    // What cannot be removed is left to whoever cleans that place; the image itself is where it belongs.
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true }).catch(() => {});
  }

  #open(signal: AbortSignal): Promise<ImageSource> {
    return (this.#layout ??= this.#save(signal));
  }

  async #save(signal: AbortSignal): Promise<ImageSource> {
    const { socket, name, openLayout, folder = tmpdir() } = this.#saving;
    const operation = `save ${name} from the Docker daemon`;
    this.#folder = await mkdtemp(join(folder, 'image-cloner-'));
    const archive = await socket.stream({ path: `/images/${name}/get`, operation, signal });
    await unpackLayout(archive, this.#folder, operation);
    return openLayout(this.#folder);
  }
}
