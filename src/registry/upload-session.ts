import type { Descriptor } from '../image/descriptor.ts';
import type { Audience } from './authorizer.ts';
import { blobPath } from './blob-download.ts';
import type { Client } from './client.ts';
import { resolveHop } from './redirect.ts';
import { hasCode, RegistryError } from './registry-error.ts';
import { type Answer, drain, headerOf } from './transport.ts';

/** A blob on its way into a repository. */
export interface Sending {
  readonly client: Client;
  readonly audience: Audience;
  readonly descriptor: Descriptor;
  readonly signal: AbortSignal;
}

/** Where an upload session goes on. It is good for one PUT. */
export type Session = URL;

/** A registry may still be writing what it was sent when it is asked first. */
const MOST_ROUNDS = 3;
/** Politeness towards the registry is not worth a longer wait. */
const CANCEL_TIMEOUT_MS = 5_000;

export async function isThere({ client, audience, descriptor, signal }: Sending): Promise<boolean> {
  const answer = await client.call({
    operation: `look for blob ${descriptor.digest} in ${audience.host}/${audience.path}`,
    audience,
    method: 'HEAD',
    target: blobPath(audience.path, descriptor),
    // 403 stands for "absent" where a registry hides what one may not list; a true denial shows itself at the POST.
    expect: [200, 403, 404, 405],
    signal,
  });
  await drain(answer);
  return answer.status === 200;
}

export async function startSession(sending: Sending): Promise<Session> {
  return sessionOf(await post(sending, sending.audience, ''), operationOf(sending));
}

/**
 * Asks for a blob that another repository has, or the repository itself.
 * @returns the session that a registry opens when it has no such blob or does not mount; the error when it refuses
 */
export async function mount(sending: Sending, source: string): Promise<Session | 'mounted' | RegistryError> {
  const { audience, descriptor } = sending;
  const query = new URLSearchParams({ mount: descriptor.digest, from: source });
  const other = source === audience.path ? {} : { alsoPull: source };
  try {
    const answer = await post(sending, { ...audience, ...other }, `?${query.toString()}`);
    if (answer.status !== 201) return await sessionOf(answer, operationOf(sending));
    await drain(answer);
    return 'mounted';
  } catch (error) {
    if (error instanceof RegistryError && hasCode(error, ...NOT_MOUNTED)) return error;
    throw error;
  }
}

/** Docker Hub answers 400, Harbor 401 or 403, Quay has failed: an upload may be welcome all the same. */
const NOT_MOUNTED = ['REFUSED', 'UNAUTHORIZED', 'DENIED', 'NOT_FOUND', 'MISSING_CONTENT', 'UNAVAILABLE'];

/** Not broken off once it is sent: its answer may name a session, which could never be cancelled without it. */
function post(sending: Sending, audience: Audience, query: string): Promise<Answer> {
  return sending.client.call({
    operation: operationOf(sending),
    audience,
    method: 'POST',
    target: `/v2/${audience.path}/blobs/uploads/${query}`,
    headers: { 'content-length': '0' },
    expect: [201, 202],
    signal: sending.signal,
    unbroken: true,
  });
}

async function sessionOf(answer: Answer, operation: string): Promise<Session> {
  await drain(answer);
  const location = headerOf(answer, 'location');
  if (answer.status === 202 && location !== undefined)
    return resolveLocation(location, answer.url, operation);
  throw new RegistryError(`wanted an upload session, got ${answer.status} without one`, {
    code: 'PROTOCOL',
    operation,
  });
}

/**
 * The address of an upload session. Proxies that end TLS make registries send `http` for themselves: on the same host
 * https is kept. Query parameters are state of the registry and stay as they are.
 */
function resolveLocation(location: string, base: URL, operation: string): Session {
  const url = URL.parse(location, base.href);
  const downgraded =
    url?.protocol === 'http:' && base.protocol === 'https:' && url.hostname === base.hostname;
  if (url === null || !downgraded) return resolveHop(location, base, operation);
  // No port was written: the registry knows nothing of the one in front of it.
  if (url.port === '') url.port = base.port;
  url.protocol = 'https:';
  return url;
}

/** The address that ends a session. */
export function withDigest(session: Session, { digest }: Pick<Descriptor, 'digest'>): URL {
  const url = new URL(session);
  if (url.searchParams.has('digest')) return url;
  // By hand: URLSearchParams would write the registry's own parameters anew.
  url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
  return url;
}

/**
 * Gives a session back. The spec asks for it; a registry that has no session any more, or forbids it, is left alone.
 * What was written moves the session on: distribution 3 then refuses its first address and tells the next one.
 */
export async function cancel(sending: Sending, session: Session): Promise<void> {
  // Not the caller's signal: it is this call that follows when the caller's aborts.
  const own = { ...sending, signal: AbortSignal.timeout(CANCEL_TIMEOUT_MS) };
  let current: Session | undefined = session;
  for (let round = 0; round < MOST_ROUNDS && current !== undefined; round++) {
    const ended: boolean = await end(own, current).catch(() => true);
    current = ended ? undefined : await whereIs(own, current).catch(() => undefined);
  }
}

/** @returns false when the session may go on elsewhere */
async function end(sending: Sending, session: Session): Promise<boolean> {
  const { client, audience } = sending;
  const answer = await client.call({
    operation: cancelling(sending),
    audience: { ...audience, actions: 'delete' },
    method: 'DELETE',
    target: session,
    expect: [204, 400, 404, 416],
    signal: sending.signal,
  });
  await drain(answer);
  return answer.status === 204;
}

async function whereIs(sending: Sending, session: Session): Promise<Session | undefined> {
  const { client, audience, signal } = sending;
  const operation = cancelling(sending);
  const call = { operation, audience, method: 'GET', target: session, expect: [204, 404], signal } as const;
  const answer = await client.call(call);
  await drain(answer);
  const location = headerOf(answer, 'location');
  return location === undefined ? undefined : resolveLocation(location, answer.url, operation);
}

function cancelling({ audience, descriptor }: Sending): string {
  return `cancel the upload of ${descriptor.digest} to ${audience.host}/${audience.path}`;
}

export function operationOf({ audience, descriptor }: Sending): string {
  return `push blob ${descriptor.digest} to ${audience.host}/${audience.path}`;
}
