import { randomUUID } from 'node:crypto';
import type { Channel } from './channel.ts';
import { type AnyMessage, STREAM, STREAM_INIT } from './method.ts';

/** What to answer, if anything. */
export type OnMessage = (message: AnyMessage) => AnyMessage | undefined;

/** A stream that belongs to another call, which knows it by its id (containerd's `docs/transfer.md`). */
export class SideStream {
  readonly id: string;
  readonly #end: () => void;

  private constructor(id: string, end: () => void) {
    this.id = id;
    this.#end = end;
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
    messages.on('data', (message) => {
      try {
        const answer = onMessage(message);
        if (answer !== undefined) messages.write(answer);
      } catch {
        // A message that cannot be read: without the stream the other call fails, and says so.
        messages.cancel();
      }
    });
    return new SideStream(id, () => messages.cancel());
  }

  close(): void {
    this.#end();
  }
}
