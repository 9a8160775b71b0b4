import { Readable } from 'node:stream';
import { BodyTimeoutError } from 'undici/lib/core/errors.js';
import { Gatherer } from '../buffers/gatherer.ts';
import { readBuffers } from '../buffers/read-buffers.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { ContentMismatchError, Verifier } from '../image/verifier.ts';
import { FlowWatch } from './flow-watch.ts';

/** Buffered between source and target, in bytes. A read or two (docs/decisions/0015); more only takes memory that is cold. */
const HIGH_WATER_MARK = 256 * 1024;
/** A connection that broke more often than this is not worth another try. */
const MOST_RESUMES = 3;

export interface Verification {
  readonly descriptor: Descriptor;
  /** Makes the error for content that is not what the descriptor says. */
  readonly mismatch: (why: string) => Error;
  /** Makes the error for a source that broke with `cause` and is not opened again. */
  readonly broken: (cause: unknown) => Error;
  /** Opens the content again from `offset`, after the stream so far broke with `cause`. Rejects when that cannot be. */
  readonly resume: (offset: number, cause: unknown) => Promise<Readable>;
}

/**
 * Passes a blob on and checks it on the way. A source that breaks is opened again where it broke, unseen by the reader.
 */
export class VerifiedStream extends Readable {
  readonly #verification: Verification;
  readonly #verifier: Verifier;
  readonly #watch = new FlowWatch(() => this.#source.destroy(new BodyTimeoutError('it was sent too slowly')));
  readonly #gatherer = new Gatherer(readBuffers, (chunk) => this.#verify(chunk));
  #source: Readable;
  #resumes = 0;

  constructor(source: Readable, verification: Verification) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#verification = verification;
    this.#verifier = new Verifier(verification.descriptor);
    this.#source = source;
    this.#attach(source);
  }

  override _read(): void {
    this.#watch.start();
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#watch.stop();
    this.#gatherer.drop();
    this.#source.destroy();
    callback(error);
  }

  #attach(source: Readable): void {
    this.#source = source;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => this.#finish());
    source.on('error', (cause) => void this.#resumeAfter(cause));
    source.on('close', () => {
      if (!source.readableEnded && source.errored === null)
        void this.#resumeAfter(new Error('it was cut off'));
    });
    this.#watch.start();
  }

  #take(chunk: Buffer): void {
    this.#watch.count(chunk.length);
    this.#gatherer.take(chunk);
  }

  #verify(chunk: Buffer): void {
    try {
      const next = this.#verifier.take(chunk);
      if (next !== undefined && !this.push(next)) this.#rest();
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** The reader has enough for now. */
  #rest(): void {
    this.#watch.pause();
    this.#source.pause();
  }

  #finish(): void {
    this.#watch.stop();
    this.#gatherer.flush();
    if (this.destroyed) return;
    try {
      const last = this.#verifier.finish();
      if (last !== undefined) this.push(last);
      this.push(null);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    if (!(error instanceof ContentMismatchError)) throw error;
    this.destroy(this.#verification.mismatch(error.message));
  }

  async #resumeAfter(cause: unknown): Promise<void> {
    this.#gatherer.flush();
    if (this.destroyed) return;
    this.#watch.stop();
    this.#resumes += 1;
    const { broken, resume } = this.#verification;
    if (this.#resumes > MOST_RESUMES) {
      this.destroy(broken(cause));
      return;
    }
    await resume(this.#verifier.size, cause).then(
      (source) => (this.destroyed ? source.destroy() : this.#attach(source)),
      (error: Error) => this.destroy(error),
    );
  }
}
