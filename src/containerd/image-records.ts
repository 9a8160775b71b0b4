import { type Descriptor, readDescriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { type Reference, readReference, repositoryOf } from '../image/reference.ts';
import type { Channel } from './channel.ts';
import { ContainerdError, hasCode } from './containerd-error.ts';
import { GET_IMAGE, type ImageMessage, LIST_IMAGES } from './method.ts';

/** A name in the store and what it stands for. */
export interface ImageRecord {
  readonly name: string;
  readonly target: Descriptor;
}

/** The names that one namespace has. Kubernetes' part of containerd keeps each image under tag and digest. */
export class ImageRecords {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * The record of an image, for a source with a digest under any name of the same repository. Under that of another it
   * is not looked for: whoever may use one repository need not be allowed to use another.
   */
  async find(source: Reference, signal: AbortSignal): Promise<ImageRecord | undefined> {
    const { digest } = source;
    for (const name of namesOf(source)) {
      const record = await this.#get(name, signal);
      if (record !== undefined && (digest === undefined || record.target.digest === digest)) return record;
    }
    return digest === undefined ? undefined : this.#withTarget(source, digest, signal);
  }

  /** @param filters alternatives in containerd's syntax (`pkg/filters`); none lists all */
  async list(signal: AbortSignal, filters: readonly string[] = []): Promise<readonly ImageRecord[]> {
    const operation = 'list the images of containerd';
    const { images } = await this.#channel.call(LIST_IMAGES, { filters }, { operation, signal });
    // One record that makes no sense must not hide the others.
    return images.flatMap((image) => readRecord(image) ?? []);
  }

  async #get(name: string, signal: AbortSignal): Promise<ImageRecord | undefined> {
    const operation = `look for image ${JSON.stringify(name)} in containerd`;
    try {
      const { image } = await this.#channel.call(GET_IMAGE, { name }, { operation, signal });
      const record = image === null ? undefined : readRecord(image);
      if (record !== undefined) return record;
      throw new ContainerdError('wanted a descriptor as its target', { code: 'PROTOCOL', operation });
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async #withTarget(
    source: Reference,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<ImageRecord | undefined> {
    const found = await this.list(signal, [`target.digest==${digest}`]);
    // A daemon that does not know the filter gives all.
    return found.find(({ name, target }) => target.digest === digest && isOf(source, name));
  }
}

function isOf(source: Reference, name: string): boolean {
  const named = readReference(name);
  return named !== undefined && repositoryOf(named) === repositoryOf(source);
}

/** Names under which an image may be kept: Kubernetes' part drops the tag of a source that has both, `ctr` does not. */
function namesOf(source: Reference): readonly string[] {
  const repository = repositoryOf(source);
  const { tag, digest } = source;
  const tagged = tag === undefined ? [] : [`${repository}:${tag}`];
  if (digest === undefined) return tagged;
  return [`${repository}@${digest}`, ...tagged, ...tagged.map((name) => `${name}@${digest}`)];
}

function readRecord({ name, target }: ImageMessage): ImageRecord | undefined {
  const descriptor = readDescriptor(target);
  return descriptor === undefined ? undefined : { name, target: descriptor };
}
