import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { LARGEST_MANIFEST } from '../image/manifest.ts';
import { BlobStream } from './blob-stream.ts';
import type { Channel } from './channel.ts';
import { ContainerdError, hasCode } from './containerd-error.ts';
import { CONTENT_INFO, READ_CONTENT } from './method.ts';

/** The blobs and manifests that one namespace sees, by digest. */
export class ContentStore {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** @returns bytes; undefined when it is not there */
  async size(digest: Digest, signal: AbortSignal): Promise<number | undefined> {
    const operation = `look for ${digest} in containerd`;
    try {
      const { info } = await this.#channel.call(CONTENT_INFO, { digest }, { operation, signal });
      return info?.size;
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
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
    const { digest } = descriptor;
    const operation = operationOn(digest);
    return new BlobStream({
      descriptor,
      operation,
      read: (range) => this.#channel.read(READ_CONTENT, { digest, ...range }, { operation, signal }),
    });
  }
}

function operationOn(digest: Digest): string {
  return `read ${digest} from containerd`;
}
