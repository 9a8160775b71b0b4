import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Descriptor } from '../image/descriptor.ts';
import type { Audience } from './authorizer.ts';
import { blobPath } from './blob-download.ts';
import type { Call, Client } from './client.ts';
import { resolveHop } from './redirect.ts';
import { hasCode, RegistryError } from './registry-error.ts';
import { type Answer, drain, headerOf } from './transport.ts';

/** Up to this size a blob is read whole before it is sent, so that the request can be repeated without its source. */
const BUFFERED = 256 * 1024;
/** Whole-blob tries: an upload session is used up by a failed PUT, and starts again at POST. */
const MOST_TRIES = 3;

export interface Upload {
  readonly client: Client;
  readonly audience: Audience;
  readonly descriptor: Descriptor;
  readonly open: () => Promise<Readable>;
  readonly signal: AbortSignal;
  /** Another repository of this registry that is known to hold the blob. */
  readonly mountFrom: string | undefined;
  /** Sends the blob whatever the registry says it has: it said so before and was wrong. */
  readonly force: boolean;
}

/** Where an upload session goes on. */
type Session = URL;

/**
 * Makes sure that a blob is in a repository: by a mount if it is there already or next door, else by POST and one PUT.
 * Never by PATCH, whose chunks some registries drop.
 */
export async function uploadBlob(upload: Upload): Promise<'pushed' | 'mounted' | 'present'> {
  const begun = upload.force ? await startSession(upload) : await begin(upload);
  if (begun === 'mounted' || begun === 'present') return begun;
  await sendWithRetries(upload, begun);
  return 'pushed';
}

/**
 * A mount from the repository into itself answers 201 for a blob that is there and opens a session for one that is not:
 * one request in the place of HEAD and POST. Registries that always open a session are found out and asked by HEAD.
 */
async function begin(upload: Upload): Promise<Session | 'mounted' | 'present'> {
  const { client, audience, mountFrom } = upload;
  const traits = client.traits(audience.host);
  if (mountFrom !== undefined) {
    const mounted = await mount(upload, mountFrom);
    if (mounted === 'done') return 'mounted';
    if (mounted !== 'refused') return mounted;
  }
  if (traits.get().selfMount !== false) {
    const mounted = await mount(upload, audience.path);
    if (mounted === 'done') {
      traits.learn({ selfMount: true });
      return 'present';
    }
    if (mounted !== 'refused') return mounted;
    traits.learn({ selfMount: false });
  }
  return (await isThere(upload)) ? 'present' : startSession(upload);
}

async function mount(upload: Upload, source: string): Promise<Session | 'done' | 'refused'> {
  const { audience, descriptor } = upload;
  const query = new URLSearchParams({ mount: descriptor.digest, from: source });
  const other = source === audience.path ? {} : { alsoPull: source };
  try {
    const answer = await post(upload, { ...audience, ...other }, `?${query.toString()}`);
    if (answer.status !== 201) return await sessionOf(answer, operationOf(upload));
    await drain(answer);
    return 'done';
  } catch (error) {
    // Docker Hub answers 400, Harbor 401 or 403 to a mount that it does not like: an upload may still be welcome.
    if (hasCode(error, 'REFUSED', 'UNAUTHORIZED', 'DENIED', 'NOT_FOUND', 'MISSING_CONTENT')) return 'refused';
    throw error;
  }
}

async function isThere({ client, audience, descriptor, signal }: Upload): Promise<boolean> {
  const operation = `look for blob ${descriptor.digest} in ${audience.host}/${audience.path}`;
  const target = blobPath(audience.path, descriptor);
  // 403 stands for "absent" where a registry hides what one may not list; a true denial shows itself at the POST.
  const answer = await client.call({
    operation,
    audience,
    method: 'HEAD',
    target,
    expect: [200, 403, 404],
    signal,
  });
  await drain(answer);
  return answer.status === 200;
}

async function startSession(upload: Upload): Promise<Session> {
  return sessionOf(await post(upload, upload.audience, ''), operationOf(upload));
}

function post(upload: Upload, audience: Audience, query: string): Promise<Answer> {
  const { client, signal } = upload;
  const target = `/v2/${audience.path}/blobs/uploads/${query}`;
  const headers = { 'content-length': '0' };
  return client.call({
    operation: operationOf(upload),
    audience,
    method: 'POST',
    target,
    headers,
    expect: [201, 202],
    signal,
  });
}

async function sessionOf(answer: Answer, operation: string): Promise<Session> {
  await drain(answer);
  const location = headerOf(answer, 'location');
  if (location === undefined)
    throw new RegistryError('its upload session has no Location', { code: 'PROTOCOL', operation });
  return resolveLocation(location, answer.url, operation);
}

/**
 * The address of an upload session. Proxies that end TLS make registries send `http` for themselves: on the same host
 * https is kept. Query parameters are state of the registry and stay as they are.
 */
function resolveLocation(location: string, base: URL, operation: string): URL {
  const url = URL.parse(location, base.href);
  const downgraded =
    url?.protocol === 'http:' && base.protocol === 'https:' && url.hostname === base.hostname;
  if (url === null || !downgraded) return resolveHop(location, base, operation);
  url.protocol = 'https:';
  if (url.port === '80') url.port = base.port;
  return url;
}

async function sendWithRetries(upload: Upload, first: Session): Promise<void> {
  let session = first;
  for (let tries = 1; ; tries++) {
    try {
      await send(upload, session);
      return;
    } catch (error) {
      await cancel(upload, session);
      if (tries >= MOST_TRIES || !isWorthRestarting(error) || upload.signal.aborted) throw error;
      // Somebody else may have finished the same blob: then the registry's refusal was right, and all is well.
      if (await isThere(upload)) return;
      session = await startSession(upload);
    }
  }
}

/**
 * A used-up session answers 404, one at a wrong offset 416, an expired token 401, and a CDN may cut a blob short: all
 * are mended by a new session and a new stream.
 */
function isWorthRestarting(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return true;
  return error.retriable || ['NOT_FOUND', 'REFUSED', 'UNAUTHORIZED', 'CONTENT_MISMATCH'].includes(error.code);
}

async function send(upload: Upload, session: Session): Promise<void> {
  const { client, audience, descriptor, signal } = upload;
  const content = await upload.open();
  const body = descriptor.size <= BUFFERED ? await buffer(content) : content;
  const call: Call = {
    operation: operationOf(upload),
    audience,
    method: 'PUT',
    target: withDigest(session, descriptor),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) },
    expect: [200, 201, 202, 204],
    signal,
    // undici leaves out an empty body and, for some methods, its length with it: the header says it.
    ...(descriptor.size > 0 && { body }),
  };
  const answer = await sendOnce(client, call, body);
  await drain(answer);
  if (answer.status !== 201 && !(await isThere(upload))) {
    throw new RegistryError(`registry answered ${answer.status} and does not have it`, {
      code: 'PROTOCOL',
      operation: call.operation,
    });
  }
}

async function sendOnce(client: Client, call: Call, body: Readable | Buffer): Promise<Answer> {
  try {
    return await client.callOnce(call);
  } finally {
    if (!Buffer.isBuffer(body)) body.destroy();
  }
}

function withDigest(session: Session, { digest }: Descriptor): URL {
  const url = new URL(session);
  // By hand: URLSearchParams would write the registry's own parameters anew.
  url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
  return url;
}

/** The spec asks for it; a registry that has no session any more, or forbids it, is left alone. */
async function cancel({ client, audience, descriptor }: Upload, session: Session): Promise<void> {
  const operation = `cancel the upload of ${descriptor.digest} to ${audience.host}/${audience.path}`;
  const signal = AbortSignal.timeout(CANCEL_TIMEOUT_MS);
  const call = { operation, audience, method: 'DELETE', target: session, expect: [204], signal } as const;
  await client.callOnce(call).then(drain, () => undefined);
}

/** Politeness towards the registry is not worth waiting for. */
const CANCEL_TIMEOUT_MS = 5_000;

function operationOf({ audience, descriptor }: Upload): string {
  return `push blob ${descriptor.digest} to ${audience.host}/${audience.path}`;
}
