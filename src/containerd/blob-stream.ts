import { Transform, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { ContentMismatchError, Verifier } from '../image/verifier.ts';
import type { Incoming } from './channel.ts';
import { ContainerdError } from './containerd-error.ts';
import type { ReadMessage } from './method.ts';

/** One message of the daemon, in bytes: it sends so much at once. */
const MESSAGE = 1024 * 1024;
/**
 * Bytes asked for at once. What was asked for may all wait in memory for a reader that is slow: the library keeps up to
 * sixteen messages.
 */
const RANGE = 4 * MESSAGE;

type ReadRange = (range: { readonly offset: number; readonly size: number }) => Incoming<ReadMessage>;

export interface BlobStreamOptions {
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  readonly read: ReadRange;
  /** What is being done, for errors: `read sha256:… from containerd`. */
  readonly operation: string;
}

/**
 * Content as the daemon sends it, checked on the way. The daemon is asked for one range after the other, each when the
 * one before was read.
 */
export class BlobStream extends Transform {
  readonly #options: BlobStreamOptions;
  readonly #verifier: Verifier;
  #messages: Incoming<ReadMessage>['messages'] | undefined;
  #asked = 0;

  constructor(options: BlobStreamOptions) {
    super({ writableObjectMode: true, writableHighWaterMark: 1, readableHighWaterMark: MESSAGE });
    this.#options = options;
    this.#verifier = new Verifier(options.descriptor);
    this.#ask();
  }

  override _transform({ data }: ReadMessage, _encoding: string, done: TransformCallback): void {
    this.#pass(() => this.#verifier.take(data), done);
  }

  override _flush(done: TransformCallback): void {
    this.#pass(() => this.#verifier.finish(), done);
  }

  /** A reader that goes away ends the call: the daemon has the content open as long as it lasts. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#messages?.unpipe(this);
    this.#messages?.cancel();
    done(error);
  }

  #ask(): void {
    const { descriptor, read } = this.#options;
    const offset = this.#asked;
    const size = Math.min(descriptor.size - offset, RANGE);
    if (size <= 0) {
      this.end();
      return;
    }
    const { messages, faultOf } = read({ offset, size });
    this.#asked += size;
    this.#messages = messages;
    messages.on('error', (error) => this.destroy(faultOf(error)));
    // It ends when it has failed, too.
    messages.once('end', () => this.destroyed || this.#ask());
    messages.pipe(this, { end: false });
  }

  #pass(piece: () => Buffer | undefined, done: TransformCallback): void {
    try {
      done(null, piece());
    } catch (cause) {
      if (!(cause instanceof ContentMismatchError)) throw cause;
      const { operation } = this.#options;
      done(new ContainerdError(cause.message, { code: 'CONTENT_MISMATCH', operation, cause }));
    }
  }
}
