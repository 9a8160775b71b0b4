import type { Context } from 'koa';
import { answerBytes } from './answer.ts';
import { appendToUpload, beginUpload, cancelUpload, finishUpload, getUpload } from './blob-uploads.ts';
import { deleteBlob, getBlob } from './blobs.ts';
import type { Call } from './call.ts';
import { deleteManifest, getManifest, putManifest } from './manifests.ts';
import { listReferrers } from './referrers.ts';
import { Refusal } from './refusal.ts';
import { checkName } from './repositories.ts';
import { type Part, routeOf } from './route.ts';
import { listTags } from './tags.ts';

type Verb = (call: Call) => Promise<void>;

/** What each method does to each part (OCI distribution spec, "Endpoints"). */
const VERBS: Readonly<Record<Part, Readonly<Record<string, Verb>>>> = {
  manifests: { GET: getManifest, HEAD: getManifest, PUT: putManifest, DELETE: deleteManifest },
  blobs: { GET: getBlob, HEAD: getBlob, DELETE: deleteBlob },
  uploads: {
    POST: beginUpload,
    PATCH: appendToUpload,
    PUT: finishUpload,
    GET: getUpload,
    DELETE: cancelUpload,
  },
  tags: { GET: listTags, HEAD: listTags },
  referrers: { GET: listReferrers, HEAD: listReferrers },
};

/** Calls the verb that a request asks for. @throws Refusal */
export async function dispatch(ctx: Context, state: Pick<Call, 'repositories' | 'uploads'>): Promise<void> {
  if (ctx.path === '/v2/' || ctx.path === '/v2') return answerPing(ctx);
  const route = routeOf(ctx.path);
  if (route === undefined)
    throw new Refusal({ status: 404, code: 'NAME_UNKNOWN', message: 'path is not part of the API' });
  checkName(route.name);
  const verbs = VERBS[route.part];
  const verb = Object.hasOwn(verbs, ctx.method) ? verbs[ctx.method] : undefined;
  if (verb === undefined) throw unsupported(Object.keys(verbs));
  await verb({ ctx, ...state, name: route.name, id: route.id });
}

function answerPing(ctx: Context): void {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw unsupported(['GET', 'HEAD']);
  answerBytes(ctx, 200, { 'Content-Type': 'application/json' }, '{}');
}

function unsupported(methods: readonly string[]): Refusal {
  const headers = { Allow: methods.join(', ') };
  return new Refusal({ status: 405, code: 'UNSUPPORTED', message: 'the method is not supported', headers });
}
