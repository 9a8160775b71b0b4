import type { Digest } from '../image/digest.ts';
import type { Layout } from '../layout/layout.ts';
import { answerEmpty, answerStream } from './answer.ts';
import { rangeFrom } from './byte-range.ts';
import type { Call } from './call.ts';
import { digestFrom } from './identifier.ts';
import { Refusal } from './refusal.ts';

/** GET and HEAD, whole or in part. */
export async function getBlob({ ctx, name, id, repositories }: Call): Promise<void> {
  const digest = digestFrom(id);
  const { blobs } = await repositories.get(name);
  const size = (await blobs.size(digest)) ?? refuseUnknown(digest);
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    'Accept-Ranges': 'bytes',
    ETag: `"${digest}"`,
  };
  const range = ctx.method === 'HEAD' ? undefined : rangeFrom(ctx.get('range'), size);
  if (range === 'none') throw outOfRange(size);
  const length = range === undefined ? size : range.end - range.start + 1;
  await answerStream(ctx, headers, length, () => blobs.read(digest, range));
  if (range === undefined) return;
  ctx.status = 206;
  ctx.set('Content-Range', `bytes ${range.start}-${range.end}/${size}`);
}

/** A manifest lies among the blobs and is deleted as a manifest only. */
export async function deleteBlob({ ctx, name, id, repositories }: Call): Promise<void> {
  const digest = digestFrom(id);
  const layout = await repositories.get(name);
  if (!(await isBlob(layout, digest))) refuseUnknown(digest);
  await layout.blobs.delete(digest);
  answerEmpty(ctx, 202, {});
}

async function isBlob(layout: Layout, digest: Digest): Promise<boolean> {
  return (await layout.blobs.size(digest)) !== undefined && !(await layout.exists(digest));
}

function refuseUnknown(digest: Digest): never {
  throw new Refusal({
    status: 404,
    code: 'BLOB_UNKNOWN',
    message: 'blob is not known to the repository',
    details: [{ digest }],
  });
}

function outOfRange(size: number): Refusal {
  const headers = { 'Content-Range': `bytes */${size}` };
  return new Refusal({ status: 416, code: 'SIZE_INVALID', message: `wanted a range below ${size}`, headers });
}
