import { Transform, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { ContentMismatchError, Verifier } from '../image/verifier.ts';
import type { Incoming } from './channel.ts';
import { ContainerdError } from './containerd-error.ts';
import type { ReadMessage } from './method.ts';

/** One message of the daemon, in bytes: it sends so much at once. */
const HIGH_WATER_MARK = 1024 * 1024;

type Checked = Pick<Descriptor, 'digest' | 'size'>;

/** Content as the daemon sends it, checked on the way. It sends no faster than it is read. */
export class BlobStream extends Transform {
  readonly #messages: Incoming<ReadMessage>['messages'];
  readonly #operation: string;
  readonly #verifier: Verifier;

  /** @param operation what is being done, for errors: `read sha256:… from containerd` */
  constructor({ messages, faultOf }: Incoming<ReadMessage>, descriptor: Checked, operation: string) {
    super({ writableObjectMode: true, writableHighWaterMark: 1, readableHighWaterMark: HIGH_WATER_MARK });
    this.#messages = messages;
    this.#operation = operation;
    this.#verifier = new Verifier(descriptor);
    messages.on('error', (error) => this.destroy(faultOf(error)));
    messages.pipe(this);
  }

  override _transform({ offset, data }: ReadMessage, _encoding: string, done: TransformCallback): void {
    const { size } = this.#verifier;
    if (offset === size) this.#hand(() => this.#verifier.take(data), done);
    else done(this.#mismatch(`wanted the bytes from ${size} on, got those from ${offset} on`));
  }

  override _flush(done: TransformCallback): void {
    this.#hand(() => this.#verifier.finish(), done);
  }

  /** A reader that goes away ends the call: the daemon has the content open as long as it lasts. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#messages.unpipe(this);
    this.#messages.cancel();
    done(error);
  }

  #hand(next: () => Buffer | undefined, done: TransformCallback): void {
    try {
      done(null, next());
    } catch (error) {
      if (!(error instanceof ContentMismatchError)) throw error;
      done(this.#mismatch(error.message));
    }
  }

  #mismatch(why: string): ContainerdError {
    return new ContainerdError(why, { code: 'CONTENT_MISMATCH', operation: this.#operation });
  }
}
