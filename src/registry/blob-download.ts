import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import type { Audience } from './authorizer.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';
import { asRegistryError } from './connection-error.ts';
import { RegistryError } from './registry-error.ts';
import { type Answer, headerOf } from './transport.ts';
import { VerifiedStream } from './verified-stream.ts';

/**
 * Opens a blob. Its stream is verified, and opened again where it broke if the registry serves ranges: the registry is
 * asked each time, because the signed URL it redirected to may have run out.
 * @throws RegistryError `NOT_FOUND`, `CONTENT_MISMATCH`
 */
export async function downloadBlob(
  client: Client,
  audience: Audience,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Readable> {
  const operation = `read blob ${descriptor.digest} from ${audience.host}/${audience.path}`;
  const target = blobPath(audience.path, descriptor);
  const call: Call = { operation, audience, method: 'GET', target, expect: [200], signal };
  const answer = await client.call(call);
  checkHeaders(answer, descriptor, operation);
  return new VerifiedStream(answer.body, {
    descriptor,
    mismatch: (why) => new RegistryError(why, { code: 'CONTENT_MISMATCH', operation }),
    broken: (cause) => asRegistryError(cause, call),
    resume: (offset, cause) => resume(client, call, { offset, size: descriptor.size, cause }),
  });
}

export function blobPath(path: string, { digest }: Pick<Descriptor, 'digest'>): string {
  return `/v2/${path}/blobs/${digest}`;
}

/**
 * A proxy may compress what passes, though we asked it not to. But where the length is right, it is the label that is
 * wrong: object stores keep "gzip" with a layer because that is what the layer is.
 */
function checkHeaders(answer: Answer, { size }: Descriptor, operation: string): void {
  const length = headerOf(answer, 'content-length');
  const encoding = headerOf(answer, 'content-encoding') ?? 'identity';
  if (length === String(size)) return;
  if (encoding !== 'identity')
    fail(answer, `wanted the blob as it is, got Content-Encoding ${JSON.stringify(encoding)}`, operation);
  if (length !== undefined) fail(answer, `wanted ${size} bytes, got ${length}`, operation);
}

function fail(answer: Answer, why: string, operation: string): never {
  answer.body.destroy();
  throw new RegistryError(why, { code: 'CONTENT_MISMATCH', operation });
}

interface Break {
  readonly offset: number;
  readonly size: number;
  readonly cause: unknown;
}

/** A 200, or another range than the one asked for, would put wrong bytes into the middle of the blob. */
async function resume(client: Client, call: Call, { offset, size, cause }: Break): Promise<Readable> {
  const broken = asRegistryError(cause, call);
  const traits = client.traits(call.audience.host);
  // From the first byte there is nothing to resume: the caller starts anew.
  if (offset === 0 || !broken.retriable || traits.get().ranges === false) throw broken;
  const headers = { range: `bytes=${offset}-` };
  const answer = await client.call({ ...call, headers, expect: [200, 206] });
  if (answer.status === 206 && headerOf(answer, 'content-range') === `bytes ${offset}-${size - 1}/${size}`)
    return answer.body;
  answer.body.destroy();
  if (answer.status === 200) traits.learn({ ranges: false });
  throw broken;
}
