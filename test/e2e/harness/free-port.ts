import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what the kernel hands out by itself (ip_local_port_range begins at 32768): there a connection of anybody's could
 * take the port before its program listens.
 */
const FIRST = 12_000;
const LAST = 32_000;

/** Who was given one may be slow to listen on it, or never mean to. */
const given = new Set<number>();

/** A TCP port of 127.0.0.1 that nobody listens on, that no connection gets by chance, and nobody else of these tests. */
export async function freePort(): Promise<number> {
  const port = randomInt(FIRST, LAST);
  if (given.has(port)) return freePort();
  given.add(port);
  return (await isFree(port)) ? port : freePort();
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}
