import type { CopyTask } from './outcome.ts';

/** How far a copy is with one of its layers, in bytes. */
export interface LayerProgress {
  readonly task: CopyTask;
  /** Its digest, or what an origin calls it: the same for all that is told of it. */
  readonly layer: string;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Name of the origin that moves it, if it is not our engine. */
  readonly origin?: string;
}

/** Called for each piece of a layer: for who draws it, not for a log. */
export type WatchCopy = (progress: LayerProgress) => void;
