import type { Readable } from 'node:stream';
import type { Call } from './call.ts';
import { asRegistryError, isConnectionFault, type Wanted } from './connection-error.ts';
import { hasCode, RegistryError } from './registry-error.ts';
import { type Answer, drain, headerOf } from './transport.ts';
import { cancel, isThere, operationOf, type Session, startSession, withDigest } from './upload-session.ts';
import { type Beginning, beginUpload } from './upload-start.ts';

/** Up to this size a blob is read whole before it is sent: a token that ran out then costs no second session. */
const BUFFERED = 256 * 1024;
/** Whole-blob tries: an upload session is used up by a failed PUT, and starts again at POST. */
const MOST_TRIES = 3;

export interface Upload extends Beginning {
  readonly open: () => Promise<Readable>;
  /** Sends the blob whatever the registry says it has: it said so before and was wrong. */
  readonly force: boolean;
}

/**
 * Makes sure that a blob is in a repository: by a mount if it is there already or next door, else by POST and one PUT.
 * Never by PATCH, whose chunks some registries drop.
 */
export async function uploadBlob(upload: Upload): Promise<'pushed' | 'mounted' | 'present'> {
  const begun = upload.force ? await startSession(upload) : await beginUpload(upload);
  return begun === 'mounted' || begun === 'present' ? begun : sendWithRetries(upload, begun);
}

async function sendWithRetries(upload: Upload, first: Session): Promise<'pushed' | 'present'> {
  let session = first;
  for (let tries = 1; ; tries++) {
    const fault = await tryToSend(upload, session);
    if (fault === undefined) return 'pushed';
    await cancel(upload, session);
    if (tries === MOST_TRIES || !fault.restart || upload.signal.aborted) throw fault.error;
    await upload.client.rest(upload.audience.host, fault.error, { ...wantedOf(upload), tries });
    // Somebody else may have finished the same blob: then the registry's refusal was right, and all is well.
    if (!upload.force && (await isThere(upload))) return 'present';
    session = await startSession(upload);
  }
}

/** Why a blob did not arrive, and whether a new session and a new stream may mend it. */
interface Fault {
  readonly error: unknown;
  readonly restart: boolean;
}

async function tryToSend(upload: Upload, session: Session): Promise<Fault | undefined> {
  let content: Readable | undefined;
  try {
    if (upload.signal.aborted) throw asRegistryError(upload.signal.reason, wantedOf(upload));
    content = await upload.open();
    await send(upload, session, content);
    return undefined;
  } catch (error) {
    return { error, restart: content === undefined ? isMisdelivered(error) : isWorthRestarting(error) };
  } finally {
    content?.destroy();
  }
}

/** Wrong at first sight. Any other fault of opening has been tried often enough on the source's own side. */
function isMisdelivered(error: unknown): boolean {
  return hasCode(error, 'CONTENT_MISMATCH');
}

function wantedOf(upload: Upload): Wanted {
  return { operation: operationOf(upload), signal: upload.signal };
}

/**
 * A used-up session answers 404, one at a wrong offset 416, an expired token 401, and a CDN may cut a blob short: all
 * are mended by a new session and a new stream.
 */
function isWorthRestarting(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return error.retriable || ['NOT_FOUND', 'REFUSED', 'UNAUTHORIZED', 'CONTENT_MISMATCH'].includes(error.code);
}

async function send(upload: Upload, session: Session, content: Readable): Promise<void> {
  const { client, audience, descriptor, signal } = upload;
  const { size } = descriptor;
  const body = size <= BUFFERED ? Buffer.concat(await content.toArray()) : content;
  const call: Call = {
    operation: operationOf(upload),
    audience,
    method: 'PUT',
    target: withDigest(session, descriptor),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
    expect: [200, 201, 202, 204],
    signal,
    // undici leaves out an empty body and, for some methods, its length with it: the header says it.
    ...(size > 0 && { body }),
  };
  const answer = await client.callOnce(call).catch((error: unknown) => {
    throw faultOf(content) ?? error;
  });
  await drain(answer);
  if (saysStored(answer, descriptor) || (await isThere(upload))) return;
  throw new RegistryError(`registry answered ${answer.status} and does not have it under that digest`, {
    code: 'PROTOCOL',
    operation: call.operation,
  });
}

/** Old registries answer 204, web servers 200 to everything, and distribution 2 stores sha512 as sha256. */
function saysStored(answer: Answer, { digest }: Upload['descriptor']): boolean {
  return answer.status === 201 && (headerOf(answer, 'docker-content-digest') ?? digest) === digest;
}

/** What the stream itself broke with. When the registry's connection breaks, undici passes its fault on to the stream. */
function faultOf({ errored }: Readable): Error | undefined {
  return errored === null || isConnectionFault(errored) ? undefined : errored;
}
