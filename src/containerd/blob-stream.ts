import { constants } from 'node:http2';
import { Readable } from 'node:stream';
import { Gatherer } from '../buffers/gatherer.ts';
import { readBuffers } from '../buffers/read-buffers.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { ContentMismatchError, Verifier } from '../image/verifier.ts';
import { ContainerdError } from './containerd-error.ts';
import { ContentMessages, InvalidMessageError } from './content-messages.ts';
import type { Frames } from './frame-connection.ts';

/** Bytes ready for the reader, beside those that the daemon may have sent unread. */
const HIGH_WATER_MARK = 256 * 1024;

export interface BlobStreamOptions {
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  readonly frames: Frames;
  /** What is being done, for errors: `read sha256:… from containerd`. */
  readonly operation: string;
}

/**
 * Content as the daemon sends it, checked on the way. It comes in frames of 16 KiB and goes on in buffers that are
 * full: a daemon beside us sends without a pause whatever there is room for.
 */
export class BlobStream extends Readable {
  readonly #options: BlobStreamOptions;
  readonly #messages = new ContentMessages();
  readonly #verifier: Verifier;
  readonly #gatherer = new Gatherer(readBuffers, (chunk) => this.#hand(this.#verifier.take(chunk)), 'full');

  constructor(options: BlobStreamOptions) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#options = options;
    this.#verifier = new Verifier(options.descriptor);
    const { stream } = options.frames;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    // Behind its last words, and in every other case.
    stream.once('close', () => this.#finish());
  }

  override _read(): void {
    this.#options.frames.stream.resume();
  }

  /** A reader that goes away ends the call: the daemon has the content open as long as it lasts. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { stream } = this.#options.frames;
    this.#gatherer.drop();
    stream.close(constants.NGHTTP2_CANCEL);
    stream.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    this.#check(() => {
      for (const piece of this.#messages.take(chunk)) this.#gatherer.take(piece);
    });
  }

  #hand(chunk: Buffer | undefined): void {
    if (chunk !== undefined && !this.push(chunk)) this.#options.frames.stream.pause();
  }

  #finish(): void {
    if (this.destroyed) return;
    const fault = this.#options.frames.fault();
    if (fault !== undefined) {
      this.destroy(fault);
      return;
    }
    this.#check(() => {
      this.#messages.finish();
      this.#gatherer.flush();
      this.#hand(this.#verifier.finish());
      this.push(null);
    });
  }

  #check(pass: () => void): void {
    try {
      pass();
    } catch (cause) {
      this.destroy(this.#refusal(cause));
    }
  }

  #refusal(cause: unknown): Error {
    const { operation } = this.#options;
    if (cause instanceof ContentMismatchError)
      return new ContainerdError(cause.message, { code: 'CONTENT_MISMATCH', operation, cause });
    if (cause instanceof InvalidMessageError)
      return new ContainerdError(cause.message, { code: 'PROTOCOL', operation, cause });
    throw cause;
  }
}
