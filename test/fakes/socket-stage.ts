import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** Servers at the sockets of one folder, which go with the test that asked for them. */
export interface SocketStage {
  /** Of a file in that folder, which is not made. */
  path(name: string): string;
  /** @returns where it listens */
  listening(server: Server): Promise<string>;
  /** Closes it at the end of the test. */
  kept<T extends { close(): unknown }>(opened: T): T;
}

export function useSockets(): SocketStage {
  let folder = '';
  let opened: { close(): unknown }[] = [];
  beforeEach(() => {
    // A blank in it, as folders of people have.
    folder = mkdtempSync(join(tmpdir(), 'sockets of tests-'));
    opened = [];
  });
  afterEach(() => {
    for (const one of opened) one.close();
    rmSync(folder, { recursive: true });
  });

  function kept<T extends { close(): unknown }>(one: T): T {
    opened.push(one);
    return one;
  }

  return {
    kept,
    path: (name) => join(folder, name),
    listening: async (server) => {
      const socket = join(folder, 'some.sock');
      await once(kept(server.listen(socket)), 'listening');
      return socket;
    },
  };
}
