import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import type { Source } from './target.ts';

/** One way to prove to a registry who we are. The same shape as the registry client's, which this room does not import. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string }
  | { readonly kind: 'registry-token'; readonly token: string };

/** How far an origin is with one layer. */
export interface TransferProgress {
  /** Some name of the layer, the same for all that is said of it. */
  readonly layer: string;
  /** In the origin's words. */
  readonly status: string;
  /** So far and altogether, where it is known. */
  readonly bytes?: number;
  readonly totalBytes?: number;
}

/** What goes with a pull or a push that an origin does itself. */
export interface TransferOptions {
  /** Who it says it is to the registry. Default: nobody. */
  readonly credential?: Credential;
  readonly onProgress?: (progress: TransferProgress) => void;
}

/**
 * Another place that may hold an image when its registry cannot give it: a daemon of this node, or the agents of
 * others. Every call rejects with an error that has a stable `code`.
 */
export interface Origin {
  /** `docker`, `containerd`, `agents`: as people read it in the log. */
  readonly name: string;
  /** Does it hold this image now? It asks no registry. @returns undefined when it does not, or nothing of it is whole */
  find(source: Reference, signal: AbortSignal): Promise<Held | undefined>;
  /** Lets it fetch the image from the source, with its own proxy, certificates and credentials. */
  pull?(source: Reference, options: TransferOptions, signal: AbortSignal): Promise<void>;
  /** Every image that it holds, by each of its names. */
  list?(signal: AbortSignal): Promise<readonly HeldImage[]>;
}

/** An image that an origin holds. */
export type Held = HeldContent | HeldBehind;

/** Of an index not all is there, and one image of it is. */
interface Part {
  readonly index: Digest;
  /** `linux/arm64`. */
  readonly platform?: string;
}

/** Its content can be read: our engine pushes it, unless the origin does. */
export interface HeldContent {
  /** What will be pushed: of an index that is not whole the image that `partial` tells of. */
  readonly digest: Digest;
  readonly source: Source;
  readonly faithful: true;
  readonly partial?: Part;
  /** Has the origin push just what has `digest`: tried first, where it is cheaper by far. */
  readonly push?: HeldBehind['push'];
  /** Lets go of it. To be called once it is not needed any more; never rejects. */
  close?(): Promise<void>;
}

/** Only the origin can push it. What the backup registry has then is asked there. */
export interface HeldBehind {
  /** False where manifest and layers are made anew (Docker's classic store): their digests are others. */
  readonly faithful: boolean;
  /** The digest that the source gave it, or of `partial` the image's; where that is known. */
  readonly digest?: Digest;
  readonly partial?: Part;
  /** @param tag daemons push tags only */
  push(backup: Reference, tag: string, options: TransferOptions, signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
}

/** A name under which an origin holds an image. */
export interface HeldImage {
  readonly reference: Reference;
  /** What the name stands for: the digest that the source gave it, where that is known. */
  readonly digest?: Digest;
  /** All of it is there, of an index every platform. */
  readonly whole: boolean;
  /** What is missing where it is not whole. */
  readonly why?: string;
}

/** What a copier knows of origins. */
export interface Origins {
  /** In the order in which they are asked. */
  readonly all: readonly Origin[];
  /** The one that pulls an image before its registry is asked by us. */
  readonly first?: Origin | undefined;
  /** Who an origin says it is that pulls from a source, or pushes to a backup, itself. */
  readonly credentialFor: (
    side: 'source' | 'target',
    reference: Reference,
  ) => Promise<Credential | undefined>;
}
