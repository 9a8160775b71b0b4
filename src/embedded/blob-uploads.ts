import type { Context } from 'koa';
import { algorithmOf, type Digest } from '../image/digest.ts';
import { answerEmpty } from './answer.ts';
import { chunksOf } from './body.ts';
import type { Call } from './call.ts';
import { checkContentRange } from './content-range.ts';
import { digestFrom } from './identifier.ts';
import { progressHeaders } from './progress.ts';
import { Refusal } from './refusal.ts';
import type { Upload } from './upload.ts';

/** POST: mounts a blob, takes a whole one with `?digest=`, or begins an upload (OCI distribution spec, "Pushing blobs"). */
export async function beginUpload(call: Call): Promise<void> {
  const query = new URLSearchParams(call.ctx.querystring);
  if (await mount(call, query)) return;
  const announced = query.get('digest');
  const digest = announced === null ? undefined : digestFrom(announced);
  const upload = await call.uploads.begin(
    call.name,
    digest === undefined ? algorithmFrom(query) : algorithmOf(digest),
  );
  if (digest === undefined) answerProgress(call.ctx, 202, upload);
  else await finish(call, upload, digest);
}

/** PATCH: the next chunk. */
export async function appendToUpload({ ctx, name, id, uploads }: Call): Promise<void> {
  const upload = uploads.get(name, id);
  checkContentRange(ctx, upload);
  await upload.append(chunksOf(ctx.req));
  answerProgress(ctx, 202, upload);
}

/** PUT: the rest, if any, and the digest of the whole. */
export async function finishUpload(call: Call): Promise<void> {
  const upload = call.uploads.get(call.name, call.id);
  const digest = digestFrom(new URLSearchParams(call.ctx.querystring).get('digest'));
  checkContentRange(call.ctx, upload);
  await finish(call, upload, digest);
}

/** GET: how much has arrived. */
export async function getUpload({ ctx, name, id, uploads }: Call): Promise<void> {
  answerProgress(ctx, 204, uploads.get(name, id));
}

/** DELETE: what has arrived is thrown away. */
export async function cancelUpload({ ctx, name, id, uploads }: Call): Promise<void> {
  await uploads.end(uploads.get(name, id));
  answerEmpty(ctx, 204, {});
}

/** @returns false when the blob is not there to be mounted. A mount from the repository itself asks whether it has it. */
async function mount({ ctx, name, repositories }: Call, query: URLSearchParams): Promise<boolean> {
  const wanted = query.get('mount');
  if (wanted === null) return false;
  const digest = digestFrom(wanted);
  const source = await repositories.find(query.get('from') ?? name);
  if (source === undefined || (await source.blobs.size(digest)) === undefined) return false;
  const target = await repositories.create(name);
  if (!(await target.blobs.link(source.blobs, digest))) return false;
  answerCreated(ctx, name, digest);
  return true;
}

async function finish(
  { ctx, name, repositories, uploads }: Call,
  upload: Upload,
  digest: Digest,
): Promise<void> {
  await upload.complete(chunksOf(ctx.req));
  try {
    const actual = await upload.digest(algorithmOf(digest));
    if (actual !== digest)
      throw new Refusal({
        status: 400,
        code: 'DIGEST_INVALID',
        message: `wanted digest ${digest}, got ${actual}`,
      });
    await (await repositories.create(name)).blobs.adopt(upload.path, digest);
  } finally {
    // Good or bad, an upload is good for one PUT that came to its end.
    await uploads.end(upload);
  }
  answerCreated(ctx, name, digest);
}

/** Announced so that the digest is ready when the last byte is; sha256 otherwise. */
function algorithmFrom(query: URLSearchParams): ReturnType<typeof algorithmOf> {
  const announced = query.get('digest-algorithm');
  return announced === 'sha512' || announced === 'sha384' ? announced : 'sha256';
}

function answerCreated(ctx: Context, name: string, digest: Digest): void {
  answerEmpty(ctx, 201, { Location: `/v2/${name}/blobs/${digest}`, 'Docker-Content-Digest': digest });
}

function answerProgress(ctx: Context, status: number, upload: Upload): void {
  answerEmpty(ctx, status, progressHeaders(upload));
}
