import type { GraphCopy } from '../copy/copy-graph.ts';
import { eachStatusOnce } from '../copy/each-status-once.ts';
import type { TransferProgress } from '../copy/origin.ts';
import { isRecord } from '../image/descriptor.ts';
import { type Digest, hexOf } from '../image/digest.ts';

/** How far a push is: each status of a layer once for the agent's own log, the latest of each for who waits for it. */
export class PushProgress {
  readonly #layers = new Map<string, TransferProgress>();
  readonly #news = new Set<string>();
  readonly #tell: (progress: TransferProgress) => void;

  /** @param tell called once for each status of a layer */
  constructor(tell: (progress: TransferProgress) => void) {
    this.#tell = eachStatusOnce(tell);
  }

  /** What a daemon tells that pushes by itself. */
  readonly hear = (progress: TransferProgress): void => {
    const { layer } = progress;
    // A last word without bytes (`Pushed`) leaves those before.
    this.#layers.set(layer, { ...this.#layers.get(layer), ...progress });
    this.#news.add(layer);
    this.#tell(progress);
  };

  /** What our engine tells, in the words of its own log. */
  readonly hooks: Required<Pick<GraphCopy, 'onBytes' | 'onBlob'>> = {
    onBytes: ({ digest, size }, bytes) =>
      this.hear({ layer: layerOf(digest), status: 'pushing', bytes, totalBytes: size }),
    onBlob: ({ descriptor: { digest, size }, pushed }) =>
      this.hear({
        layer: layerOf(digest),
        status: pushed,
        bytes: pushed === 'pushed' ? size : 0,
        totalBytes: size,
      }),
  };

  /** The latest of each layer of which there was something to tell since this was called before. */
  take(): readonly TransferProgress[] {
    const news = [...this.#news].flatMap((layer) => this.#layers.get(layer) ?? []);
    this.#news.clear();
    return news;
  }
}

/** As many digits as daemons tell. */
const LAYER_LENGTH = 12;

function layerOf(digest: Digest): string {
  return hexOf(digest).slice(0, LAYER_LENGTH);
}

/** Longer ones are no agent's. */
const LONGEST_WORD = 200;

/** @returns undefined for what no agent tells */
export function readProgress(value: unknown): TransferProgress | undefined {
  if (!isRecord(value)) return undefined;
  const { layer, status, bytes, totalBytes } = value;
  if (!isWord(layer) || !isWord(status)) return undefined;
  return {
    layer,
    status,
    ...(isCount(bytes) && { bytes }),
    ...(isCount(totalBytes) && { totalBytes }),
  };
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_WORD;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
