import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what the kernel hands out by itself (ip_local_port_range begins at 32768): there a connection of anybody's could
 * take the port before its program listens.
 */
const FIRST = 12_000;
const LAST = 32_000;

/** A TCP port of 127.0.0.1 that nobody listens on, and that no connection gets by chance. */
export async function freePort(): Promise<number> {
  const port = randomInt(FIRST, LAST);
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
