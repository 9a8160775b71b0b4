import type { Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, hasherFor } from '../image/digest.ts';
import type { Incoming } from './channel.ts';
import { ContainerdError } from './containerd-error.ts';
import type { ReadMessage } from './method.ts';

/** One message of the daemon, in bytes: it sends so much at once. */
const HIGH_WATER_MARK = 1024 * 1024;

type Checked = Pick<Descriptor, 'digest' | 'size'>;

/**
 * Content as the daemon sends it, checked on the way. The last message is held back until size and digest were found
 * right, so that nobody downstream ever has a whole blob that is wrong. The daemon sends no faster than it is read.
 */
export class BlobStream extends Transform {
  readonly #messages: Incoming<ReadMessage>['messages'];
  readonly #descriptor: Checked;
  readonly #operation: string;
  readonly #hash: Hash;
  #size = 0;
  #held: Buffer | undefined;

  /** @param operation what is being done, for errors: `read sha256:… from containerd` */
  constructor({ messages, faultOf }: Incoming<ReadMessage>, descriptor: Checked, operation: string) {
    super({ writableObjectMode: true, writableHighWaterMark: 1, readableHighWaterMark: HIGH_WATER_MARK });
    this.#messages = messages;
    this.#descriptor = descriptor;
    this.#operation = operation;
    this.#hash = hasherFor(descriptor.digest);
    messages.on('error', (error) => this.destroy(faultOf(error)));
    messages.pipe(this);
  }

  override _transform({ offset, data }: ReadMessage, _encoding: string, done: TransformCallback): void {
    const fault = this.#faultAt(offset, data.length);
    if (fault !== undefined) {
      done(this.#mismatch(fault));
      return;
    }
    this.#size += data.length;
    this.#hash.update(data);
    const held = this.#held;
    this.#held = data;
    done(null, held);
  }

  override _flush(done: TransformCallback): void {
    const { size, digest } = this.#descriptor;
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
    this.#messages.unpipe(this);
    this.#messages.cancel();
    done(error);
  }

  #faultAt(offset: number, length: number): string | undefined {
    if (offset !== this.#size) return `wanted the bytes from ${this.#size} on, got those from ${offset} on`;
    const { size } = this.#descriptor;
    return this.#size + length > size ? `wanted ${size} bytes, got more` : undefined;
  }

  #mismatch(why: string): ContainerdError {
    return new ContainerdError(why, { code: 'CONTENT_MISMATCH', operation: this.#operation });
  }
}
