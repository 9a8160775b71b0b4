import type { Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, hasherFor } from '../image/digest.ts';
import { LayoutError } from './layout-error.ts';

/**
 * Passes content on and checks it on the way. The last chunk is held back until size and digest were found right, so
 * that nobody downstream ever has a whole blob that is wrong.
 */
export class Verifier extends Transform {
  readonly #descriptor: Descriptor;
  readonly #operation: string;
  readonly #hash: Hash;
  #size = 0;
  #held: Buffer | undefined;

  /** @param operation what is being done, for the error: `read blob sha256:…` */
  constructor(descriptor: Descriptor, operation: string) {
    super();
    this.#descriptor = descriptor;
    this.#operation = operation;
    this.#hash = hasherFor(descriptor.digest);
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#size += chunk.length;
    if (this.#size > this.#descriptor.size) {
      done(this.#mismatch(`wanted ${this.#descriptor.size} bytes, got more`));
      return;
    }
    this.#hash.update(chunk);
    const held = this.#held;
    this.#held = chunk;
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

  #mismatch(why: string): LayoutError {
    return new LayoutError(why, { code: 'CONTENT_MISMATCH', operation: this.#operation });
  }
}
