import { type ClientRequest, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Destination } from './proxy.ts';
import { RegistryError, type RegistryErrorCode } from './registry-error.ts';

/**
 * Opens a tunnel through a proxy (RFC 9110, section 9.3.6).
 * @throws RegistryError `UNREACHABLE`, `TIMEOUT`
 */
export async function openTunnel(proxy: URL, to: Destination, timeoutMs: number): Promise<Socket> {
  const authority = `${to.hostname.includes(':') ? `[${to.hostname}]` : to.hostname}:${to.port}`;
  // The address of the proxy may hold a password: of it only the host is told.
  const operation = `reach ${JSON.stringify(authority)} through the proxy ${JSON.stringify(proxy.host)}`;
  function fault(why: string, code: RegistryErrorCode, cause?: unknown): RegistryError {
    return new RegistryError(why, { code, operation, cause });
  }
  const sent = connectRequest(proxy, authority);
  const timer = setTimeout(() => sent.destroy(fault('it did not answer in time', 'TIMEOUT')), timeoutMs);
  try {
    const { status, socket, head } = await answerTo(sent);
    // Nobody has spoken to the other end yet, so a first word can only be the proxy's own.
    if (status === 200 && head.length === 0) return socket;
    socket.destroy();
    throw fault(`it answered ${status}`, 'UNREACHABLE');
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw fault(error instanceof Error ? error.message : String(error), 'UNREACHABLE', error);
  } finally {
    clearTimeout(timer);
  }
}

function connectRequest(proxy: URL, authority: string): ClientRequest {
  const send = proxy.protocol === 'https:' ? secureRequest : request;
  return send({
    method: 'CONNECT',
    hostname: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? undefined : proxy.port,
    path: authority,
    headers: { host: authority, ...authorizationOf(proxy) },
    agent: false,
  });
}

interface Opened {
  readonly status: number | undefined;
  readonly socket: Socket;
  readonly head: Buffer;
}

/** Every answer to CONNECT comes as this event, a refusal too. */
function answerTo(sent: ClientRequest): Promise<Opened> {
  return new Promise((resolve, reject) => {
    sent.once('error', reject);
    sent.once('connect', ({ statusCode: status }, socket: Socket, head) => resolve({ status, socket, head }));
    sent.end();
  });
}

function authorizationOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}
