import type { Context } from 'koa';
import { algorithmOf, type Digest, digestOf, isDigest } from '../image/digest.ts';
import { LARGEST_MANIFEST, parseManifest } from '../image/manifest.ts';
import { answerBytes, answerEmpty } from './answer.ts';
import { readBody } from './body.ts';
import type { Call } from './call.ts';
import { checkIdentifier, checkReadable, checkTag } from './identifier.ts';
import { Refusal } from './refusal.ts';

/** GET and HEAD. Any `Accept` gets the manifest as it was pushed: another form would have another digest. */
export async function getManifest({ ctx, name, id, repositories }: Call): Promise<void> {
  checkReadable(id);
  const { descriptor, bytes } = await (await repositories.get(name)).fetchReference(id);
  const { mediaType, digest } = descriptor;
  const headers = { 'Content-Type': mediaType, 'Docker-Content-Digest': digest, ETag: `"${digest}"` };
  answerBytes(ctx, 200, headers, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** OCI distribution spec, "Pushing Manifests", with tags as parameters as well (`?tag=`). */
export async function putManifest({ ctx, name, id, repositories }: Call): Promise<void> {
  checkIdentifier(id);
  const tags = tagsFrom(ctx);
  const bytes = await readBody(ctx.req, LARGEST_MANIFEST);
  const digest = digestFor(bytes, id);
  const { mediaType, subject } = parseManifest(bytes, ctx.get('content-type'));
  const layout = await repositories.create(name);
  await layout.pushReference({ descriptor: { mediaType, digest, size: bytes.length }, bytes }, id);
  for (const tag of tags) await layout.tag(digest, tag);
  answerEmpty(ctx, 201, {
    Location: `/v2/${name}/manifests/${digest}`,
    'Docker-Content-Digest': digest,
    ...(tags.length > 0 && { 'OCI-Tag': tags.join(', ') }),
    ...(subject !== undefined && { 'OCI-Subject': subject.digest }),
  });
}

/** A tag goes alone; a digest takes its tags with it. */
export async function deleteManifest({ ctx, name, id, repositories }: Call): Promise<void> {
  checkIdentifier(id);
  await (await repositories.get(name)).delete(id);
  answerEmpty(ctx, 202, {});
}

function tagsFrom(ctx: Context): readonly string[] {
  const tags = new URLSearchParams(ctx.querystring).getAll('tag');
  tags.forEach(checkTag);
  return tags;
}

function digestFor(bytes: Buffer, id: string): Digest {
  const digest = digestOf(bytes, isDigest(id) ? algorithmOf(id) : 'sha256');
  if (!isDigest(id) || id === digest) return digest;
  throw new Refusal({ status: 400, code: 'DIGEST_INVALID', message: `wanted digest ${id}, got ${digest}` });
}
