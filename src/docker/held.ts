import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import type { Portion } from './completeness.ts';
import type { TransferOptions } from './transfer.ts';

/** Where an image can be read: the shape of the copy engine's `Source`, which this room does not import. */
export interface ImageSource {
  resolve(identifier: string, signal: AbortSignal): Promise<Descriptor>;
  fetchReference(
    identifier: string,
    signal: AbortSignal,
  ): Promise<{ readonly descriptor: Descriptor; readonly bytes: Uint8Array }>;
  fetch(descriptor: Descriptor, signal: AbortSignal): Promise<Readable>;
  predecessors(descriptor: Descriptor, signal: AbortSignal): Promise<readonly Descriptor[]>;
}

/** Reads an OCI image layout directory. The composition gives the room that can. */
export type OpenLayout = (directory: string) => Promise<ImageSource>;

/** An image that the daemon holds, whole or one platform of it. */
export type Held = HeldContent | HeldBehind;

/** Its content can be read as the registry once sent it. `digest` is what can be pushed of it. */
export interface HeldContent extends Portion {
  readonly kind: 'content';
  readonly source: ImageSource;
  readonly faithful: true;
  /** Has the daemon push just this: far cheaper than to read it. Undefined where it cannot be told what to push. */
  readonly push?: HeldBehind['push'];
  /** Gives back the disk space that reading it took. To be called in any case; never rejects. */
  close(): Promise<void>;
}

/** Only the daemon can push it. */
export interface HeldBehind {
  readonly kind: 'behind';
  /**
   * False: the daemon makes manifest and layers anew, so their digests are others than the source's, unless the source
   * happens to be made in the same way. What the backup then has is for the caller to ask.
   */
  readonly faithful: false;
  /** The digest that the source gave it, where there is just one. */
  readonly digest?: Digest;
  /**
   * Pushes it under a name of the backup, which the node forgets again.
   * @param tag a daemon pushes tags only
   * @throws DockerError
   */
  push(backup: Reference, tag: string, options: TransferOptions, signal: AbortSignal): Promise<void>;
}

/** A name under which the daemon holds an image. */
export interface HeldImage {
  readonly reference: Reference;
  /** The digest that the source gave it, where that is known. */
  readonly digest?: Digest;
  /** All platforms of it are there. */
  readonly whole: boolean;
  /** What is missing where it is not whole. */
  readonly why?: string;
}
