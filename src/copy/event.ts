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
  /** The copy is there and is used, though its source could not be asked whether it has moved. */
  | { readonly type: 'source-unavailable'; readonly task: CopyTask; readonly error: Error }
  /** The copy is there and is used, though the source has a newer image that could not be copied under its tag. */
  | { readonly type: 'refresh-failed'; readonly task: CopyTask; readonly error: Error }
  /** The copy is there and is used, though its source has this image by now. */
  | { readonly type: 'moved'; readonly task: CopyTask; readonly digest: Digest }
  /** The image was copied, what refers to it was not. */
  | { readonly type: 'referrers-failed'; readonly task: CopyTask; readonly error: Error }
  | { readonly type: 'failed'; readonly task: CopyTask; readonly error: Error; readonly durationMs: number };

export type ObserveCopy = (event: CopyEvent) => void;
