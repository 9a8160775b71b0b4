import { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, digestOf } from '../image/digest.ts';
import { CopyError } from './copy-error.ts';
import { counted } from './counted-stream.ts';
import type { Pushed, PushOptions, Source, Target } from './target.ts';

/** Both sides of a copy, for as long as it may take. */
interface Sides {
  readonly source: Source;
  readonly target: Target;
  readonly signal: AbortSignal;
  /** Called for each piece that is read, with the bytes so far. Default: nobody counts. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Makes sure that one blob is at the target. What the source's stream breaks with is the source's fault, everything
 * else the target's.
 * @throws CopyError
 */
export async function copyBlob(
  { source, target, signal, onBytes }: Sides,
  descriptor: Descriptor,
  options: PushOptions,
): Promise<Pushed> {
  const faults: unknown[] = [];
  async function open(): Promise<Readable> {
    try {
      const content = inlineContent(descriptor) ?? (await source.fetch(descriptor, signal));
      const stream = onBytes === undefined ? content : counted(content, onBytes);
      return stream.once('error', (fault) => faults.push(fault));
    } catch (fault) {
      faults.push(fault);
      throw fault;
    }
  }
  try {
    return await target.push(descriptor, open, signal, options);
  } catch (cause) {
    const side = faults.includes(cause) ? 'source' : 'target';
    throw new CopyError({ operation: 'copy blob', side, digest: descriptor.digest, cause });
  }
}

/** A descriptor may carry its content (OCI image spec, `data`); believed only when size and digest are right. */
function inlineContent({ data, digest, size }: Descriptor): Readable | undefined {
  if (data === undefined) return undefined;
  const bytes = Buffer.from(data, 'base64');
  return bytes.length === size && digestOf(bytes, algorithmOf(digest)) === digest
    ? Readable.from([bytes], { objectMode: false })
    : undefined;
}
