import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { LARGEST_MANIFEST } from '../image/manifest.ts';
import type { Reference } from '../image/reference.ts';
import { BlobStream } from './blob-stream.ts';
import type { Channel } from './channel.ts';
import { ContainerdError, hasCode } from './containerd-error.ts';
import { CONTENT_INFO, READ_CONTENT } from './method.ts';

/** With the host of a registry: the repositories there that content came from, with commas between them. */
const SOURCE_LABEL = 'containerd.io/distribution.source.';

type Repository = Pick<Reference, 'host' | 'path'>;

interface Info {
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** The blobs and manifests that one namespace sees, by digest. */
export class ContentStore {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** @returns bytes; undefined when it is not there */
  async size(digest: Digest, signal: AbortSignal): Promise<number | undefined> {
    return (await this.#info(digest, signal))?.size;
  }

  /** Did it, by the daemon's own notes, come out of this repository? The notes leave out port and brackets. */
  async cameFrom({ host, path }: Repository, digest: Digest, signal: AbortSignal): Promise<boolean> {
    const info = await this.#info(digest, signal);
    const name = host.replace(/:\d+$/, '').replaceAll(/^\[|\]$/g, '');
    return info?.labels[SOURCE_LABEL + name]?.split(',').includes(path) ?? false;
  }

  /** The bytes of a manifest, checked. @throws ContainerdError `NOT_FOUND`, `TOO_LARGE`, `CONTENT_MISMATCH` */
  async readManifest(digest: Digest, signal: AbortSignal): Promise<Buffer> {
    const operation = operationOn(digest);
    const size = await this.size(digest, signal);
    if (size === undefined) throw new ContainerdError('it is not there', { code: 'NOT_FOUND', operation });
    if (size > LARGEST_MANIFEST) {
      const why = `wanted at most ${LARGEST_MANIFEST} bytes, got ${size}`;
      throw new ContainerdError(why, { code: 'TOO_LARGE', operation });
    }
    return buffer(this.open({ digest, size }, signal));
  }

  /** The stream errors, before its last bytes are handed on, when size or digest are not the descriptor's. */
  open(descriptor: Pick<Descriptor, 'digest' | 'size'>, signal: AbortSignal): Readable {
    const { digest, size } = descriptor;
    const operation = operationOn(digest);
    const request = { digest, offset: 0, size };
    const frames = this.#channel.read(READ_CONTENT, request, { operation, signal });
    return new BlobStream({ descriptor, frames, operation });
  }

  async #info(digest: Digest, signal: AbortSignal): Promise<Info | undefined> {
    const operation = `look for ${digest} in containerd`;
    try {
      const { info } = await this.#channel.call(CONTENT_INFO, { digest }, { operation, signal });
      return info ?? undefined;
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

function operationOn(digest: Digest): string {
  return `read ${digest} from containerd`;
}
