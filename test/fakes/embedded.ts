import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessEvent } from '../../src/embedded/access.ts';
import {
  createEmbeddedRegistry,
  type EmbeddedRegistryOptions,
} from '../../src/embedded/embedded-registry.ts';
import type { ListenOptions } from '../../src/embedded/listener.ts';

/** The real embedded registry, on a free loopback port over a directory of its own. */
export interface RunningRegistry {
  readonly url: string;
  readonly dir: string;
  /** Requests that were answered, in the order of their ends. */
  readonly events: readonly AccessEvent[];
  /** Stops it and removes its directory. */
  close(): Promise<void>;
}

export async function startEmbedded(
  options: Omit<EmbeddedRegistryOptions, 'dir' | 'observe'> & ListenOptions = {},
): Promise<RunningRegistry> {
  const dir = await mkdtemp(join(tmpdir(), 'registry-'));
  const events: AccessEvent[] = [];
  const registry = await createEmbeddedRegistry({
    ...options,
    dir,
    observe: (event) => void events.push(event),
  });
  const listener = await registry.listen(options);
  return {
    url: listener.url,
    dir,
    events,
    close: async () => {
      await listener.close();
      // What a client broke off may be cleaned up only now.
      await rm(dir, { recursive: true, maxRetries: 5 });
    },
  };
}
