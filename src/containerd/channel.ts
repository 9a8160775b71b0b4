import { resolve as resolvePath } from 'node:path';
import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';
import type { ContainerdError } from './containerd-error.ts';
import { LARGEST_MESSAGE } from './content-messages.ts';
import { FrameConnection, type Frames } from './frame-connection.ts';
import { faultOf } from './grpc-fault.ts';
import type { Method } from './method.ts';
import { Protocol } from './protocol.ts';

/** Longest wait for one answer: it comes from memory or a local database, on a disk that may be busy. */
const ANSWER_MS = 30_000;
/** A daemon that restarts is asked again this soon; the library would wait up to two minutes. */
const LONGEST_BACKOFF_MS = 2_000;

export interface ChannelOptions {
  /** Path of the socket. */
  readonly socket: string;
  /** containerd keeps the images of each apart from the others'. */
  readonly namespace: string;
}

export interface CallOptions {
  /** For errors: `read sha256:… from containerd`. */
  readonly operation: string;
  readonly signal: AbortSignal;
  /** Longest wait for an answer, in milliseconds. Default: half a minute */
  readonly timeoutMs?: number;
  /** The daemon asks a registry, whose answers its own may repeat. */
  readonly asksRegistry?: boolean;
}

/** A stream of messages both ways, with what its errors mean. */
export interface Both<Request, Message> {
  readonly messages: ClientDuplexStream<Request, Message>;
  readonly faultOf: (error: Error) => ContainerdError;
}

/** A connection to one daemon: made at the first call, and again after it broke. */
export class Channel {
  readonly #client: Client;
  readonly #frames: FrameConnection;
  readonly protocol: Protocol;
  readonly #metadata = new Metadata();

  private constructor({ socket, namespace }: ChannelOptions, protocol: Protocol) {
    this.protocol = protocol;
    this.#frames = new FrameConnection({ socket, namespace });
    this.#metadata.set('containerd-namespace', namespace);
    this.#client = new Client(`unix:${resolvePath(socket)}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': LARGEST_MESSAGE,
      'grpc.max_reconnect_backoff_ms': LONGEST_BACKOFF_MS,
      // Otherwise it looks for a configuration in the environment, and counts calls for nobody.
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_channelz': 0,
    });
  }

  static async open(options: ChannelOptions): Promise<Channel> {
    return new Channel(options, await Protocol.load());
  }

  /** @throws ContainerdError */
  call<Request, Response>(
    method: Method<Request, Response, 'unary'>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const { signal, timeoutMs = ANSWER_MS } = options;
    const definition = this.protocol.definitionOf(method);
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request,
        this.#metadata,
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          stop();
          if (error !== null) reject(faultOf(error, options));
          else if (response !== undefined) resolve(response);
        },
      );
      const stop = cancelOn(signal, call);
    });
  }

  /** Has a stream of messages sent, and leaves it to the caller to take them apart: they may be gigabytes. */
  read<Request, Message>(
    method: Method<Request, Message, 'server-stream'>,
    request: Request,
    { operation, signal }: Omit<CallOptions, 'timeoutMs'>,
  ): Frames {
    const { path, requestSerialize } = this.protocol.definitionOf(method);
    return this.#frames.send(path, requestSerialize(request), { operation, signal });
  }

  /** Opens a stream both ways. Who has enough of it cancels it. */
  duplex<Request, Message>(
    method: Method<Request, Message, 'duplex'>,
    { operation, signal }: Omit<CallOptions, 'timeoutMs'>,
  ): Both<Request, Message> {
    const { path, requestSerialize, responseDeserialize } = this.protocol.definitionOf(method);
    const messages = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
    );
    messages.once('status', cancelOn(signal, messages));
    return { messages, faultOf: (error) => faultOf(error, { operation, signal }) };
  }

  close(): void {
    this.#client.close();
    this.#frames.close();
  }
}

/** @returns what to do when the call has ended */
function cancelOn(signal: AbortSignal, call: { cancel(): void }): () => void {
  function cancel(): void {
    call.cancel();
  }
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  return () => signal.removeEventListener('abort', cancel);
}
