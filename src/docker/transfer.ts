import { DockerError } from './docker-error.ts';
import { messagesOf } from './message-stream.ts';
import type { Credential } from './registry-auth.ts';

/** How far the daemon is with one layer. */
export interface TransferProgress {
  /** Short id of the layer: the first twelve digits of a digest. */
  readonly layer: string;
  /** In the daemon's words: `Downloading`, `Extracting`, `Pushing`, `Pushed` … */
  readonly status: string;
  /** Bytes so far and altogether, where the daemon knows them. */
  readonly bytes?: number;
  readonly totalBytes?: number;
}

/** Other lines carry the tag in the place of a layer. */
const LAYER = /^[0-9a-f]{12}$/;

/** What a pull or a push through the daemon may be given. */
export interface TransferOptions {
  /** Who the daemon says it is to the registry. Default: nobody. */
  readonly credential?: Credential;
  readonly onProgress?: (progress: TransferProgress) => void;
}

/**
 * Waits until the daemon is done. Done is what says so: a stream that just ends is that of a daemon that was killed.
 * @param isDone whether a status line says that all of it worked
 * @throws DockerError
 */
export async function follow(
  chunks: AsyncIterable<Uint8Array>,
  operation: string,
  isDone: (status: string) => boolean,
  onProgress: TransferOptions['onProgress'],
): Promise<void> {
  let done = false;
  for await (const { status, id, current, total } of messagesOf(chunks, operation)) {
    done ||= isDone(status);
    if (LAYER.test(id))
      onProgress?.({
        layer: id,
        status,
        ...(current !== undefined && { bytes: current }),
        ...(total !== undefined && { totalBytes: total }),
      });
  }
  if (done) return;
  throw new DockerError('the daemon ended its answer before it was done', {
    code: 'INTERRUPTED',
    operation,
  });
}
