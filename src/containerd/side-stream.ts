import { randomUUID } from 'node:crypto';
import type { Channel } from './channel.ts';
import { type AnyMessage, STREAM, STREAM_INIT } from './method.ts';

/** What to answer, if anything. */
export type OnMessage = (message: AnyMessage) => AnyMessage | undefined;

/**
 * Longest wait for the end of a stream once the other call is answered, in milliseconds. By then a daemon has sent all
 * that it has to say (1.7 and newer), so this is the way of some messages through a local socket.
 */
const LONGEST_END_MS = 2_000;

/** A stream that belongs to another call, which knows it by its id (containerd's `docs/transfer.md`). */
export class SideStream {
  readonly id: string;
  readonly #cancel: () => void;
  readonly #ended: Promise<void>;

  private constructor(id: string, cancel: () => void, ended: Promise<void>) {
    this.id = id;
    this.#cancel = cancel;
    this.#ended = ended;
  }

  /** Resolves when the daemon knows the id. @throws ContainerdError */
  static async open(
    channel: Channel,
    call: { readonly operation: string; readonly signal: AbortSignal },
    onMessage: OnMessage,
  ): Promise<SideStream> {
    const id = `image-cloner-${randomUUID()}`;
    const { messages, faultOf } = channel.duplex(STREAM, call);
    await new Promise<void>((resolve, reject) => {
      // Once it is open, what breaks it breaks the other call too, and that one tells.
      messages.on('error', (error) => reject(faultOf(error)));
      messages.once('data', () => resolve());
      messages.write(channel.protocol.pack(STREAM_INIT, { id }));
    });
    const ended = new Promise<void>((resolve) => {
      messages.once('end', resolve);
      messages.once('error', () => resolve());
    });
    messages.on('data', (message) => {
      try {
        const answer = onMessage(message);
        if (answer !== undefined) messages.write(answer);
      } catch {
        // A message that cannot be read: without the stream the other call fails, and says so.
        messages.cancel();
      }
    });
    return new SideStream(id, () => messages.cancel(), ended);
  }

  /**
   * Reads on until the daemon ends the stream, which it does with the other call: its answer may overtake the last
   * messages, and `close` drops those that are under way. Never rejects.
   */
  async readOut(): Promise<void> {
    const patience = setTimeout(() => this.close(), LONGEST_END_MS);
    await this.#ended;
    clearTimeout(patience);
  }

  close(): void {
    this.#cancel();
  }
}
