import type { Digest } from '../image/digest.ts';
import type { CopyTask } from './outcome.ts';
import type { Pushed } from './target.ts';

/** How many blobs went which way. */
type BlobCounts = Readonly<Record<Pushed, number>>;

/** What an operator who watches a copy wants to see; durations in milliseconds, sizes in bytes. */
export type CopyEvent =
  | {
      readonly type: 'started';
      readonly task: CopyTask;
      readonly digest: Digest;
      readonly bytes: number;
      readonly blobs: number;
    }
  | {
      readonly type: 'blob-done';
      readonly task: CopyTask;
      readonly digest: Digest;
      readonly bytes: number;
      readonly pushed: Pushed;
      readonly durationMs: number;
    }
  | {
      readonly type: 'manifest-pushed';
      readonly task: CopyTask;
      readonly digest: Digest;
      readonly durationMs: number;
    }
  | {
      readonly type: 'finished';
      readonly task: CopyTask;
      readonly digest: Digest;
      readonly bytes: number;
      readonly blobs: BlobCounts;
      readonly durationMs: number;
    }
  /** Another process makes the copy; it is waited for. */
  | { readonly type: 'made-elsewhere'; readonly task: CopyTask }
  /** The copy is there and is used, though its source could not be asked whether it has moved. */
  | { readonly type: 'source-unavailable'; readonly task: CopyTask; readonly error: Error }
  /** The copy is there and is used, though the source has a newer image that could not be copied under its tag. */
  | { readonly type: 'refresh-failed'; readonly task: CopyTask; readonly error: Error }
  /** The copy is there and is used, though its source has this image by now. */
  | { readonly type: 'moved'; readonly task: CopyTask; readonly digest: Digest }
  /** The image was copied, what refers to it was not. */
  | { readonly type: 'referrers-failed'; readonly task: CopyTask; readonly error: Error }
  /** A daemon has fetched the image from its source, because the settings say that it does so first. */
  | {
      readonly type: 'origin-pulled';
      readonly task: CopyTask;
      /** Name of the origin, here and below. */
      readonly origin: string;
      readonly durationMs: number;
    }
  /** An origin tells how far it is with a pull or a push that it does itself: once for each layer and status. */
  | {
      readonly type: 'origin-progress';
      readonly task: CopyTask;
      readonly origin: string;
      /** Some name of the layer. */
      readonly layer: string;
      /** In the origin's words: `Pushing`, `Pushed`. */
      readonly status: string;
      /** Size of the layer, where it was told. */
      readonly bytes?: number;
    }
  /** An origin gives the image, because its source cannot: `why`. Without it the settings prefer the origin. */
  | { readonly type: 'origin-used'; readonly task: CopyTask; readonly origin: string; readonly why?: Error }
  /** It could not be asked, or could not give what it holds. */
  | {
      readonly type: 'origin-failed';
      readonly task: CopyTask;
      readonly origin: string;
      readonly error: Error;
    }
  /** Of an index one image alone was there and is the copy. */
  | {
      readonly type: 'partial';
      readonly task: CopyTask;
      readonly origin: string;
      readonly digest: Digest;
      readonly index: Digest;
      readonly platform?: string;
    }
  /** A daemon made the copy anew: it has a digest of its own. */
  | { readonly type: 'unfaithful'; readonly task: CopyTask; readonly origin: string; readonly digest: Digest }
  /** The source does not give it to everybody; the tenant who asks is seen to next. */
  | {
      readonly type: 'not-for-everybody';
      readonly task: CopyTask;
      readonly error: Error;
      readonly durationMs: number;
    }
  | { readonly type: 'failed'; readonly task: CopyTask; readonly error: Error; readonly durationMs: number };

export type ObserveCopy = (event: CopyEvent) => void;
