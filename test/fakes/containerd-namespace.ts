import { buffer } from 'node:stream/consumers';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Descriptor } from '../../src/image/descriptor.ts';
import type { MadeImage } from '../images/image.ts';

/** Any message, by the names of its fields. */
export type Message = Readonly<Record<string, unknown>>;

/** The error that a daemon answers with. */
export function refusal(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new Metadata() });
}

interface Lease {
  readonly labels: unknown;
  readonly resources: string[];
}

/** One namespace of the fake containerd: names, content by digest, and what is held. */
export class ContainerdNamespace {
  readonly images = new Map<string, Message>();
  readonly content = new Map<string, Buffer>();
  /** Of content, by its digest. */
  readonly labels = new Map<string, Readonly<Record<string, string>>>();
  readonly leases = new Map<string, Lease>();

  /** Puts an image in, under a name or without one. @param isWanted what of it; default all */
  async add(
    name: string | undefined,
    image: MadeImage,
    isWanted: (descriptor: Descriptor) => boolean = () => true,
  ): Promise<void> {
    for (const child of image.children) await this.add(undefined, child, isWanted);
    for (const { descriptor, open } of image.blobs)
      if (isWanted(descriptor)) this.content.set(descriptor.digest, await buffer(open()));
    const { descriptor, bytes } = image.content;
    if (isWanted(descriptor)) this.content.set(descriptor.digest, bytes);
    const { mediaType, digest, size } = descriptor;
    if (name !== undefined) this.images.set(name, { mediaType, digest, size });
  }

  /** @param call `Images.Get` */
  answer(call: string, request: Message): Message {
    const answer = this.#answers[call];
    if (answer === undefined) throw refusal(status.UNIMPLEMENTED, `unknown method ${call}`);
    return answer(request);
  }

  contentOf({ digest }: Message): Buffer {
    const content = this.content.get(String(digest));
    if (content === undefined) throw refusal(status.NOT_FOUND, `content ${String(digest)}: not found`);
    return content;
  }

  readonly #answers: Readonly<Record<string, (request: Message) => Message>> = {
    'Version.Version': () => ({ version: 'v2.1.9', revision: '0' }),
    'Images.Get': ({ name }) => {
      const target = this.images.get(String(name));
      if (target === undefined) throw refusal(status.NOT_FOUND, `image "${String(name)}": not found`);
      return { image: { name, target } };
    },
    'Images.List': ({ filters }) => {
      const wanted = [filters ?? []]
        .flat()
        .map((filter) =>
          typeof filter === 'string' ? /^target\.digest==(.+)$/.exec(filter)?.[1] : undefined,
        );
      const images = [...this.images].map(([name, target]) => ({ name, target }));
      return { images: images.filter(({ target }) => isAmong(target, wanted)) };
    },
    'Content.Info': (request) => ({
      info: {
        digest: request['digest'],
        size: this.contentOf(request).length,
        labels: this.labels.get(String(request['digest'])) ?? {},
      },
    }),
    'Leases.Create': ({ id, labels }) => {
      this.leases.set(String(id), { labels, resources: [] });
      return {};
    },
    'Leases.AddResource': ({ id, resource }) => {
      this.#lease(id).resources.push(JSON.stringify(resource));
      return {};
    },
    'Leases.Delete': ({ id }) => {
      this.#lease(id);
      this.leases.delete(String(id));
      return {};
    },
  };

  #lease(id: unknown): Lease {
    const lease = this.leases.get(String(id));
    if (lease === undefined) throw refusal(status.NOT_FOUND, `lease ${String(id)}: not found`);
    return lease;
  }
}

/** Without filters all are. */
function isAmong({ digest }: Message, wanted: readonly unknown[]): boolean {
  return wanted.length === 0 || wanted.includes(digest);
}
