import type { Hash } from 'node:crypto';
import type { Descriptor } from './descriptor.ts';
import { algorithmOf, hasherFor } from './digest.ts';

/** Bytes are not what their descriptor says. Those who read say where from: this is the cause of their error. */
export class ContentMismatchError extends Error {
  override readonly name = 'ContentMismatchError';
  readonly code = 'CONTENT_MISMATCH';
}

/**
 * Checks content while it passes. The last chunk is held back until size and digest were found right, so that nobody
 * downstream ever has a whole blob that is wrong: not every target checks for itself.
 */
export class Verifier {
  readonly #descriptor: Pick<Descriptor, 'digest' | 'size'>;
  readonly #hash: Hash;
  #size = 0;
  #held: Buffer | undefined;

  constructor(descriptor: Pick<Descriptor, 'digest' | 'size'>) {
    this.#descriptor = descriptor;
    this.#hash = hasherFor(descriptor.digest);
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#size;
  }

  /** @returns the chunk before this one, which may be handed on now @throws ContentMismatchError */
  take(chunk: Buffer): Buffer | undefined {
    const { size } = this.#descriptor;
    this.#size += chunk.length;
    if (this.#size > size) throw new ContentMismatchError(`wanted ${size} bytes, got more`);
    // The last bytes are what is held back, and not that nothing came after them.
    if (chunk.length === 0) return undefined;
    this.#hash.update(chunk);
    const held = this.#held;
    this.#held = chunk;
    return held;
  }

  /** To be called once, when there is no more. @returns the last chunk @throws ContentMismatchError */
  finish(): Buffer | undefined {
    const { size, digest } = this.#descriptor;
    if (this.#size !== size) throw new ContentMismatchError(`wanted ${size} bytes, got ${this.#size}`);
    const actual = `${algorithmOf(digest)}:${this.#hash.digest('hex')}`;
    if (actual !== digest) throw new ContentMismatchError(`wanted digest ${digest}, got ${actual}`);
    return this.#held;
  }
}
