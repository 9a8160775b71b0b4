import type { ServerDuplexStream } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader';
import { isRecord } from '../../src/image/descriptor.ts';
import { type Message, refusal } from './containerd-namespace.ts';

/** A message with the name of its type. */
interface AnyMessage {
  readonly type_url: string;
  readonly value: Buffer;
}

type Stream = ServerDuplexStream<AnyMessage, AnyMessage>;

/** What a transfer is asked for, and what it can do meanwhile. */
export interface FakeTransfer {
  readonly reference: string;
  readonly hostDir: string;
  readonly name: string;
  readonly platforms: readonly unknown[];
  /** Asks the client for the credentials of a host; undefined where it offers none to ask for. */
  readonly ask: (host: string) => Promise<Message | undefined>;
  /** Tells the client how far it is, if it wants to know. */
  readonly tell: (progress: Message) => void;
  /** Sends what no client understands, on every stream that is open. */
  readonly babble: (type: string) => void;
}

/** The streams and transfers of the fake containerd. */
export class ContainerdTransfers {
  readonly streams = new Map<string, Stream>();
  /** What the daemon does; it rejects with what `refusal` makes. */
  perform: (transfer: FakeTransfer) => Promise<void> = () =>
    Promise.reject(refusal(status.NOT_FOUND, 'failed to resolve image: not found'));
  /** Does not end the progress of a transfer with it. */
  leavesOpen = false;
  readonly #definition: PackageDefinition;

  constructor(definition: PackageDefinition) {
    this.#definition = definition;
  }

  /** The first message says which stream it is; that it is known is answered. */
  register(stream: Stream): void {
    stream.once('data', (first: AnyMessage) => {
      const { id } = this.#unpack('containerd.services.streaming.v1.StreamInit', first);
      this.streams.set(String(id), stream);
      stream.once('cancelled', () => this.streams.delete(String(id)));
      stream.write({ type_url: 'google.protobuf.Empty', value: Buffer.alloc(0) });
    });
  }

  async transfer({ source, destination, options }: Message): Promise<Message> {
    const registry = this.#unpack('containerd.types.transfer.OCIRegistry', source);
    const store = this.#unpack('containerd.types.transfer.ImageStore', destination);
    const resolver = recordOf(registry['resolver']);
    const auth = this.#stream(resolver['authStream']);
    const progress = this.#stream(recordOf(options)['progressStream']);
    const performed = this.perform({
      reference: String(registry['reference']),
      hostDir: String(resolver['hostDir']),
      name: String(store['name']),
      platforms: Array.isArray(store['platforms']) ? store['platforms'] : [],
      ask: async (host) => auth && this.#ask(auth, host),
      tell: (message) => void progress?.write(this.#pack('containerd.types.transfer.Progress', message)),
      babble: (type) => {
        for (const stream of this.streams.values())
          stream.write({ type_url: type, value: Buffer.from([0xff]) });
      },
    });
    // As containerd does, whose answer may be faster than what was told before.
    await performed.finally(() => setImmediate(() => this.#end(progress)));
    return {};
  }

  #end(stream: Stream | undefined): void {
    if (stream === undefined || this.leavesOpen) return;
    stream.end();
    for (const [id, one] of this.streams) if (one === stream) this.streams.delete(id);
  }

  #ask(stream: Stream, host: string): Promise<Message> {
    stream.write(this.#pack('containerd.types.transfer.AuthRequest', { host, reference: 'x' }));
    return new Promise((resolve, reject) => {
      stream.once('data', (answer: AnyMessage) =>
        resolve(this.#unpack('containerd.types.transfer.AuthResponse', answer)),
      );
      stream.once('cancelled', () => reject(refusal(status.UNKNOWN, 'failed to get credentials: EOF')));
    });
  }

  #stream(id: unknown): Stream | undefined {
    if (typeof id !== 'string' || id === '') return undefined;
    const stream = this.streams.get(id);
    if (stream === undefined) throw refusal(status.NOT_FOUND, `stream ${JSON.stringify(id)}: not found`);
    return stream;
  }

  #pack(type: string, message: object): AnyMessage {
    return { type_url: type, value: this.#typeOf(type).serialize(message) };
  }

  #unpack(type: string, any: unknown): Message {
    const { type_url: actual, value } = recordOf(any);
    if (actual !== type || !Buffer.isBuffer(value))
      throw refusal(status.INVALID_ARGUMENT, `can't unmarshal type ${JSON.stringify(actual)} to ${type}`);
    return recordOf(this.#typeOf(type).deserialize(value));
  }

  #typeOf(type: string): MessageTypeDefinition<object, object> {
    const found = this.#definition[type];
    if (found !== undefined && isMessage(found)) return found;
    throw new Error(`Cannot find ${type}`);
  }
}

function isMessage(found: PackageDefinition[string]): found is MessageTypeDefinition<object, object> {
  return 'serialize' in found;
}

function recordOf(value: unknown): Message {
  return isRecord(value) ? value : {};
}
