import { Transform, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { ContentMismatchError, Verifier } from '../image/verifier.ts';
import { LayoutError } from './layout-error.ts';

/** Passes content on and checks it on the way: whoever reads to the end has what the descriptor says. */
export class VerifiedStream extends Transform {
  readonly #operation: string;
  readonly #verifier: Verifier;

  /** @param operation what is being done, for the error: `read blob sha256:…` */
  constructor(descriptor: Descriptor, operation: string) {
    super();
    this.#operation = operation;
    this.#verifier = new Verifier(descriptor);
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#hand(() => this.#verifier.take(chunk), done);
  }

  override _flush(done: TransformCallback): void {
    this.#hand(() => this.#verifier.finish(), done);
  }

  #hand(next: () => Buffer | undefined, done: TransformCallback): void {
    try {
      done(null, next());
    } catch (error) {
      if (!(error instanceof ContentMismatchError)) throw error;
      done(new LayoutError(error.message, { code: 'CONTENT_MISMATCH', operation: this.#operation }));
    }
  }
}
