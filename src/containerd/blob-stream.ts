import type { Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, hasherFor } from '../image/digest.ts';
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
 * Content as the daemon sends it, checked on the way. The last message is held back until size and digest were found
 * right, so that nobody downstream ever has a whole blob that is wrong. The daemon is asked for a range after the other,
 * each when the one before was read.
 */
export class BlobStream extends Transform {
  readonly #options: BlobStreamOptions;
  readonly #hash: Hash;
  #messages: Incoming<ReadMessage>['messages'] | undefined;
  #asked = 0;
  #size = 0;
  #held: Buffer | undefined;

  constructor(options: BlobStreamOptions) {
    super({ writableObjectMode: true, writableHighWaterMark: 1, readableHighWaterMark: MESSAGE });
    this.#options = options;
    this.#hash = hasherFor(options.descriptor.digest);
    this.#ask();
  }

  override _transform({ data }: ReadMessage, _encoding: string, done: TransformCallback): void {
    const { size } = this.#options.descriptor;
    this.#size += data.length;
    if (this.#size > size) {
      done(this.#mismatch(`wanted ${size} bytes, got more`));
      return;
    }
    this.#hash.update(data);
    const held = this.#held;
    this.#held = data;
    done(null, held);
  }

  override _flush(done: TransformCallback): void {
    const { size, digest } = this.#options.descriptor;
    if (this.#size !== size) {
      done(this.#mismatch(`wanted ${size} bytes, got ${this.#size}`));
      return;
    }
    const actual = `${algorithmOf(digest)}:${this.#hash.digest('hex')}`;
    if (actual === digest) done(null, this.#held);
    else done(this.#mismatch(`wanted digest ${digest}, got ${actual}`));
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

  #mismatch(why: string): ContainerdError {
    return new ContainerdError(why, { code: 'CONTENT_MISMATCH', operation: this.#options.operation });
  }
}
