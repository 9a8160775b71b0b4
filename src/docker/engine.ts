import { isRecord } from '../image/descriptor.ts';
import { isAtLeast, LISTS_PLATFORMS, negotiate, TELLS_PLATFORMS, type VersionRange } from './api-version.ts';
import type { EngineSocket } from './engine-socket.ts';

/** A daemon that answers, and what it can do. */
export interface Engine {
  /** Speaks the version that both sides know. */
  readonly socket: EngineSocket;
  /**
   * containerd's image store keeps manifests and layers as the registry sent them. Docker's classic one keeps neither:
   * what it pushes or saves it makes anew.
   */
  readonly keepsContent: boolean;
  /** Whether it says which platforms of an image are there, for one image and in the list of all. */
  readonly tellsPlatforms: boolean;
  readonly listsPlatforms: boolean;
}

const OPERATION = 'ask the Docker daemon for its version';
/** As `docker info` shows it of containerd's image store, in a list of names and values. */
const CONTAINERD_STORE = 'io.containerd.snapshotter.v1';

/**
 * Agrees with the daemon on a version. Two short requests over a local socket: nothing is remembered, because a daemon
 * that is started anew may be another one.
 * @throws DockerError
 */
export async function openEngine(
  unversioned: EngineSocket,
  spoken: VersionRange,
  signal: AbortSignal,
): Promise<Engine> {
  const answer = await unversioned.json({ path: '/version', operation: OPERATION, signal });
  const version = negotiate(answer, spoken, OPERATION);
  const socket = unversioned.at(version);
  const info = await socket.json({ path: '/info', operation: 'ask the Docker daemon for its store', signal });
  return {
    socket,
    keepsContent: hasContainerdStore(info),
    tellsPlatforms: isAtLeast(version, TELLS_PLATFORMS),
    listsPlatforms: isAtLeast(version, LISTS_PLATFORMS),
  };
}

function hasContainerdStore(info: unknown): boolean {
  const status: unknown = isRecord(info) ? info['DriverStatus'] : undefined;
  return Array.isArray(status) && status.some((row) => Array.isArray(row) && row[1] === CONTAINERD_STORE);
}
