import { ConfigError } from '../config/config-error.ts';
import type { Settings } from '../config/configuration.ts';
import type { Origin, Origins } from '../copy/origin.ts';
import type { Platform } from '../image/platform.ts';
import type { FindCredentials } from '../registry/credential.ts';
import type { Logger } from '../telemetry/logger.ts';
import { observeAgents, observeContainerd, observeDocker } from './observe-node.ts';

type NodeSettings = Pick<Settings, 'copy' | 'docker' | 'containerd' | 'agents'>;

export interface OriginParts {
  readonly settings: NodeSettings;
  readonly log: Logger;
  /** Which images of an index a daemon is to pull; none means all. */
  readonly platforms: () => readonly Platform[];
}

/** An origin, with what is to be done at the end. */
export interface OpenedOrigin {
  readonly origin: Origin;
  readonly close: () => Promise<void>;
}

/**
 * The daemons of this node whose sockets the settings name. What speaks to a daemon is loaded only then: without a
 * socket it costs nothing. No daemon is asked yet.
 */
export async function openDaemons(parts: OriginParts): Promise<readonly OpenedOrigin[]> {
  return [...(await openDocker(parts)), ...(await openContainerd(parts))];
}

/** Daemons first: they are nearer. @throws ConfigError when the one that is to pull has no socket */
export async function openOrigins(parts: OriginParts): Promise<readonly OpenedOrigin[]> {
  checkEngine(parts.settings);
  if (parts.settings.copy.engine === 'registry') return [];
  return [...(await openDaemons(parts)), ...(await openAgents(parts))];
}

/** What a copier is to know of them. */
export function originsOf(
  opened: readonly OpenedOrigin[],
  engine: Settings['copy']['engine'],
  credentials: { readonly source: FindCredentials; readonly target: FindCredentials },
): Origins | undefined {
  if (opened.length === 0) return undefined;
  const all = opened.map(({ origin }) => origin);
  return {
    all,
    first: all.find(({ name }) => name === engine),
    // A daemon takes one; which of several is the right one only a registry could say.
    credentialFor: async (side, reference) => (await credentials[side](reference))[0],
  };
}

function checkEngine({ copy: { engine }, docker, containerd }: NodeSettings): void {
  const sockets = { docker: docker.socket, containerd: containerd.socket };
  if (engine === 'auto' || engine === 'registry' || sockets[engine] !== undefined) return;
  throw new ConfigError([
    { at: 'copy.engine', what: `is "${engine}", which wants a path in ${engine}.socket` },
  ]);
}

async function openDocker({ settings: { docker }, log }: OriginParts): Promise<readonly OpenedOrigin[]> {
  if (docker.socket === undefined) return [];
  const { DockerDaemon } = await import('../docker/docker-daemon.ts');
  const { Layout } = await import('../layout/layout.ts');
  const origin = new DockerDaemon({
    socket: docker.socket,
    openLayout: (directory) => Layout.open(directory),
    observe: observeDocker(log),
  });
  return [{ origin, close: async () => {} }];
}

async function openContainerd({
  settings: { containerd, copy },
  log,
  platforms,
}: OriginParts): Promise<readonly OpenedOrigin[]> {
  if (containerd.socket === undefined) return [];
  const { Containerd } = await import('../containerd/containerd.ts');
  const origin = new Containerd({
    socket: containerd.socket,
    namespace: containerd.namespace,
    leaseSeconds: copy.timeoutSeconds,
    platforms,
    hostsDir: containerd.hostsDir,
    observe: observeContainerd(log),
  });
  return [{ origin, close: () => origin.close() }];
}

async function openAgents({ settings: { agents }, log }: OriginParts): Promise<readonly OpenedOrigin[]> {
  if (agents.addresses.length === 0) return [];
  const { agentsOf } = await import('./agents.ts');
  return [{ origin: agentsOf(agents, observeAgents(log)), close: async () => {} }];
}
