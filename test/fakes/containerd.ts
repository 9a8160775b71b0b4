import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { load, type PackageDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { ContainerdNamespace, type Message, refusal } from './containerd-namespace.ts';
import { ContainerdTransfers } from './containerd-transfers.ts';

const FOLDER = fileURLToPath(new URL('../../src/containerd/proto/', import.meta.url));
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
const OPTIONS = { includeDirs: [FOLDER], longs: Number, enums: String, defaults: true };
/** As large as containerd makes its messages. */
const PIECE = 1024 * 1024;

/** What a call of one message answers; undefined for what the daemon would. It throws what `refusal` makes. */
export type Answer = (
  request: Message,
  namespace: ContainerdNamespace,
) => Message | Promise<Message> | undefined;

interface Range {
  readonly offset: number;
  readonly size: number;
}

interface FakeContainerdOptions {
  /** Services that it does not have, as `Transfer` and `Streaming` before 1.7. */
  readonly without?: readonly string[];
}

/** A containerd as far as images go: a small server on a socket of its own, which keeps everything in memory. */
export class FakeContainerd {
  readonly socket: string;
  /** Every call with what it was about: `k8s.io Images.Get docker.io/library/app:1`. */
  readonly calls: string[] = [];
  /** Answers in place of its own, by the name of the call: `Content.Info`. */
  readonly answers = new Map<string, Answer>();
  /** How content is sent. */
  send: (content: Buffer, range: Range) => AsyncIterable<Buffer> | Iterable<Buffer> = piecesOf;
  /** Bytes of content sent so far. */
  sent = 0;
  readonly transfers: ContainerdTransfers;
  readonly #folder: string;
  readonly #services: ReadonlyMap<string, ServiceDefinition>;
  readonly #namespaces = new Map<string, ContainerdNamespace>();
  #server: Server | undefined;

  private constructor(definition: PackageDefinition, { without = [] }: FakeContainerdOptions) {
    this.#folder = mkdtempSync(join(tmpdir(), 'fake-containerd-'));
    this.socket = join(this.#folder, 'containerd.sock');
    this.#services = new Map(servicesOf(definition).filter(([name]) => !without.includes(name)));
    this.transfers = new ContainerdTransfers(definition);
  }

  static async start(options: FakeContainerdOptions = {}): Promise<FakeContainerd> {
    const fake = new FakeContainerd(await load(FILES, OPTIONS), options);
    await fake.start();
    return fake;
  }

  /** Starts it again after `stop`, with what it had. */
  async start(): Promise<void> {
    const server = new Server();
    for (const [name, service] of this.#services) server.addService(service, this.#handlersOf(name, service));
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${this.socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    this.#server = server;
  }

  /** Ends it with all connections, as a crash does. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  close(): void {
    this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  namespace(name = 'k8s.io'): ContainerdNamespace {
    const namespace = this.#namespaces.get(name) ?? new ContainerdNamespace();
    this.#namespaces.set(name, namespace);
    return namespace;
  }

  /** How often a call was made: `Content.Read`. */
  count(name: string): number {
    return this.calls.filter((call) => call.split(' ')[1] === name).length;
  }

  #handlersOf(service: string, definition: ServiceDefinition): Record<string, UntypedHandleCall> {
    const methods = Object.entries(definition).map(([name, { requestStream, responseStream }]) => {
      if (requestStream) return [name, this.transfers.register.bind(this.transfers)] as const;
      return [name, responseStream ? this.#streamer() : this.#answerer(`${service}.${name}`)] as const;
    });
    return Object.fromEntries(methods);
  }

  #answerer(name: string): UntypedHandleCall {
    return (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) =>
      void this.#respond(name, call, callback);
  }

  async #respond(
    name: string,
    call: ServerUnaryCall<Message, Message>,
    callback: sendUnaryData<Message>,
  ): Promise<void> {
    try {
      callback(null, await this.#answer(name, call));
    } catch (error) {
      callback(asRefusal(error));
    }
  }

  async #answer(name: string, call: ServerUnaryCall<Message, Message>): Promise<Message> {
    const namespace = this.#enter(name, call);
    const scripted = this.answers.get(name)?.(call.request, namespace);
    if (scripted !== undefined) return scripted;
    return name === 'Transfer.Transfer'
      ? this.transfers.transfer(call.request)
      : namespace.answer(name, call.request);
  }

  #streamer(): UntypedHandleCall {
    return (call: ServerWritableStream<Message, Message>) => {
      this.#send(call).then(
        () => call.end(),
        (error: unknown) => call.emit('error', error),
      );
    };
  }

  async #send(call: ServerWritableStream<Message, Message>): Promise<void> {
    const content = this.#enter('Content.Read', call).contentOf(call.request);
    const cancelled = new AbortController();
    call.once('cancelled', () => cancelled.abort());
    for await (const data of this.send(content, rangeOf(call.request))) {
      if (cancelled.signal.aborted) return;
      this.sent += data.length;
      if (!call.write({ data })) await once(call, 'drain', cancelled);
    }
  }

  /** As the daemon does, it wants a namespace for everything but its version. */
  #enter(name: string, { metadata, request }: { metadata: Metadata; request: Message }): ContainerdNamespace {
    const namespace = String(metadata.get('containerd-namespace')[0] ?? '');
    const about = [request['name'], request['digest'], request['id']].find((one) => typeof one === 'string');
    this.calls.push([namespace, name, about].join(' ').trim());
    if (namespace === '')
      throw refusal(status.FAILED_PRECONDITION, 'namespace is required: failed precondition');
    return this.namespace(namespace);
  }
}

function rangeOf({ offset, size }: Message): Range {
  return { offset: Number(offset), size: Number(size) };
}

/** Services by the last part of their names. */
function servicesOf(definition: PackageDefinition): readonly (readonly [string, ServiceDefinition])[] {
  return Object.entries(definition).flatMap(([name, entry]) =>
    isService(entry) ? [[name.split('.').at(-1) ?? name, entry] as const] : [],
  );
}

function isService(entry: PackageDefinition[string]): entry is ServiceDefinition {
  return typeof entry.format !== 'string';
}

function* piecesOf(content: Buffer, { offset: begin, size }: Range): Generator<Buffer> {
  const end = begin + size;
  if (end > content.length) throw refusal(status.OUT_OF_RANGE, 'read past object length');
  for (let offset = begin; offset < end; offset += PIECE)
    yield content.subarray(offset, Math.min(offset + PIECE, end));
}

function asRefusal(error: unknown): Error {
  return error instanceof Error ? error : refusal(status.UNKNOWN, String(error));
}
