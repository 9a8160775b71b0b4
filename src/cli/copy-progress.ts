import type { GraphCopy } from '../copy/copy-graph.ts';
import { formatBytes } from './format.ts';
import { ImageBars } from './image-bars.ts';
import { LiveLines, type Screen } from './live-lines.ts';

type Hooks = Pick<GraphCopy, 'onBytes'> & Required<Pick<GraphCopy, 'onStart' | 'onBlob'>>;

/** What a copy tells the person who waits for it. Bytes are counted only for who shows them. */
export interface Progress extends Hooks {
  /** Takes away what does not stay. */
  end(): void;
}

/** Bars on a terminal, one line for each step elsewhere. */
export function progressOn(screen: Screen): Progress {
  return screen.terminal !== undefined ? bars(screen) : lines(screen);
}

/** Says nothing, for `--json`. */
export const silent: Progress = { onStart: () => undefined, onBlob: () => undefined, end: () => undefined };

function lines({ write }: Screen): Progress {
  return {
    onStart: (plan) => write(`${startLine(plan)}\n`),
    onBlob: ({ descriptor: { digest, size: bytes }, pushed, durationMs }) =>
      write(`${blobLine({ digest, bytes, pushed, durationMs })}\n`),
    end: () => undefined,
  };
}

/** `copying 3 blobs, 4.1 KiB` */
export function startLine({ blobs, bytes }: { readonly blobs: number; readonly bytes: number }): string {
  return `copying ${blobs} blobs, ${formatBytes(bytes)}`;
}

interface Blob {
  readonly digest: string;
  readonly bytes: number;
  readonly pushed: string;
  readonly durationMs: number;
}

/** `pushed   sha256:… 4.1 KiB in 0.1 s` */
export function blobLine({ digest, bytes, pushed, durationMs }: Blob): string {
  return `${pushed.padEnd(8)} ${digest} ${formatBytes(bytes)} in ${(durationMs / 1000).toFixed(1)} s`;
}

/** Bars shown at once. */
const MOST_BARS = 12;

function bars(screen: Screen): Progress {
  const image = new ImageBars();
  const live = new LiveLines(screen, () => image.lines(MOST_BARS));
  return {
    onStart: ({ bytes }) => image.announce(bytes),
    onBytes: ({ digest, size }, bytes) => image.move(digest, { bytes, size }),
    onBlob: ({ descriptor: { digest, size } }) => image.finish(digest, size),
    end: () => live.end(),
  };
}
