import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import type { StoreSource } from './store-source.ts';

/** An image whose content can be read here, all of it. */
export interface Held {
  readonly kind: 'content';
  /** What will be pushed: of an index that is not whole one image in it. */
  readonly digest: Digest;
  readonly source: StoreSource;
  /** The digest is the source's own. */
  readonly faithful: true;
  readonly partial?: { readonly index: Digest; readonly platform?: string };
  /** Lets the content go. Never rejects. */
  close(): Promise<void>;
}

/** A name that the daemon has. */
export interface HeldImage {
  readonly reference: Reference;
  /** What the name stands for, be it all there or not. */
  readonly digest: Digest;
  /** All of it is there, of an index every image. */
  readonly whole: boolean;
  /** Why it is not whole. */
  readonly why?: string;
  readonly partial?: { readonly index: Digest; readonly platform?: string };
}

export interface ContainerdEvent {
  readonly type: 'incomplete';
  readonly source: Reference;
  /** `sha256:… is not there`. */
  readonly why: string;
}

export type ObserveContainerd = (event: ContainerdEvent) => void;
