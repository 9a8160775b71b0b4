import { fileURLToPath } from 'node:url';
import {
  type AnyDefinition,
  load,
  type MessageTypeDefinition,
  type MethodDefinition,
  type Options,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import type { AnyMessage, MessageType, Method } from './method.ts';

/** Beside this file, in the sources as in the build. */
const FOLDER = fileURLToPath(new URL('proto/', import.meta.url));
const FILES = [
  'content.proto',
  'cri.proto',
  'images.proto',
  'leases.proto',
  'streaming.proto',
  'transfer-types.proto',
  'transfer.proto',
  'version.proto',
];

const OPTIONS: Options = {
  includeDirs: [FOLDER],
  // Sizes and offsets; what a double cannot hold is no size that anybody has.
  longs: Number,
  enums: String,
  defaults: true,
};

/** The messages and calls of the `.proto` files. */
export class Protocol {
  readonly #definition: PackageDefinition;

  private constructor(definition: PackageDefinition) {
    this.#definition = definition;
  }

  static async load(): Promise<Protocol> {
    return new Protocol(await load(FILES, OPTIONS));
  }

  definitionOf<Request, Response>({
    service,
    name,
  }: Method<Request, Response>): MethodDefinition<Request, Response> {
    const found = this.#definition[service];
    if (!isService(found) || !isMethod<Request, Response>(found[name]))
      throw new Error(`Cannot find the call ${service}/${name} in the .proto files`);
    return found[name];
  }

  pack<Message extends object>({ type }: MessageType<Message>, message: Message): AnyMessage {
    return { type_url: type, value: this.#messageOf<Message>(type).serialize(message) };
  }

  /** @returns undefined when it is of another type @throws Error when it is broken */
  unpack<Message>({ type }: MessageType<Message>, any: AnyMessage): Message | undefined {
    return any.type_url === type ? this.#messageOf<Message>(type).deserialize(any.value) : undefined;
  }

  #messageOf<Message>(type: string): MessageTypeDefinition<Message, Message> {
    const found = this.#definition[type];
    if (isMessage<Message>(found)) return found;
    throw new Error(`Cannot find the message ${type} in the .proto files`);
  }
}

function isMessage<Message>(
  found: AnyDefinition | undefined,
): found is MessageTypeDefinition<Message, Message> & AnyDefinition {
  return found !== undefined && 'serialize' in found;
}

function isService(found: AnyDefinition | undefined): found is ServiceDefinition {
  return found !== undefined && typeof found.format !== 'string';
}

/** That the messages are what `method.ts` says of them is shown by the tests on real daemons. */
function isMethod<Request, Response>(found: unknown): found is MethodDefinition<Request, Response> {
  return found !== undefined;
}
