import type { Context } from 'koa';
import { progressHeaders } from './progress.ts';
import { Refusal } from './refusal.ts';
import type { Upload } from './upload.ts';

/** OCI distribution spec, "Pushing a blob in chunks": `Content-Range`, which is not HTTP's own form of it. */
const CONTENT_RANGE = /^(\d+)-(\d+)$/;

/** @throws Refusal when a chunk says that it does not follow what has arrived */
export function checkContentRange(ctx: Context, upload: Upload): void {
  const header = ctx.get('content-range');
  if (header === '') return;
  const match = CONTENT_RANGE.exec(header);
  const length = ctx.get('content-length');
  const [start, end] = [Number(match?.[1]), Number(match?.[2])];
  if (start === upload.size && (length === '' || end - start + 1 === Number(length))) return;
  const message = `wanted a chunk from byte ${upload.size} on, of the length that it says`;
  throw new Refusal({ status: 416, code: 'BLOB_UPLOAD_INVALID', message, headers: progressHeaders(upload) });
}
