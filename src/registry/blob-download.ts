import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import type { Audience } from './authorizer.ts';
import { asRegistryError, type Client } from './client.ts';
import { RegistryError } from './registry-error.ts';
import { type Answer, headerOf } from './transport.ts';
import { VerifiedStream } from './verified-stream.ts';

/**
 * Opens a blob. Its stream is verified, and opened again where it broke if the registry serves ranges: the registry is
 * asked each time, because the signed URL it redirected to may have run out.
 */
export async function downloadBlob(
  client: Client,
  audience: Audience,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Readable> {
  const operation = `read blob ${descriptor.digest} from ${audience.host}/${audience.path}`;
  const call = {
    operation,
    audience,
    method: 'GET',
    target: blobPath(audience.path, descriptor),
    signal,
  } as const;
  const answer = await client.call({ ...call, expect: [200] });
  checkHeaders(answer, descriptor, operation);
  return new VerifiedStream(answer.body, {
    descriptor,
    mismatch: (why) => new RegistryError(why, { code: 'CONTENT_MISMATCH', operation }),
    resume: async (offset, cause) => {
      const broken = asRegistryError(cause, call);
      // From the first byte there is nothing to resume: the caller starts anew.
      if (offset === 0 || !broken.retriable) throw broken;
      return reopen(
        await client.call({ ...call, headers: { range: `bytes=${offset}-` }, expect: [200, 206] }),
        offset,
        broken,
      );
    },
  });
}

export function blobPath(path: string, { digest }: Pick<Descriptor, 'digest'>): string {
  return `/v2/${path}/blobs/${digest}`;
}

function checkHeaders(answer: Answer, { size }: Descriptor, operation: string): void {
  const length = headerOf(answer, 'content-length');
  const encoding = headerOf(answer, 'content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    fail(answer, `wanted the blob as it is, got Content-Encoding ${JSON.stringify(encoding)}`, operation);
  if (length !== undefined && Number(length) !== size)
    fail(answer, `wanted ${size} bytes, got ${length}`, operation);
}

function fail(answer: Answer, why: string, operation: string): never {
  answer.body.destroy();
  throw new RegistryError(why, { code: 'CONTENT_MISMATCH', operation });
}

/** A 200, or another range than the one asked for, would put wrong bytes into the middle of the blob. */
function reopen(answer: Answer, offset: number, broken: RegistryError): Readable {
  const range = headerOf(answer, 'content-range') ?? '';
  if (answer.status === 206 && range.startsWith(`bytes ${offset}-`)) return answer.body;
  answer.body.destroy();
  throw broken;
}
