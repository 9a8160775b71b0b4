import type { Settings } from '../config/configuration.ts';
import { OF_NODES } from '../config/setting.ts';
import { formatPlatform, type Platform, parsePlatform } from '../image/platform.ts';
import type { NodePlatformsEvent } from '../kube/node-platforms.ts';
import { repeat } from '../server/repeat.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Nodes of another platform are rare, and the next look completes what was copied before them. */
const LOOK_MS = 5 * 60 * 1000;

/** The platforms that are copied. */
export interface Platforms {
  /** None means all. */
  readonly current: () => readonly Platform[];
  readonly stop: () => void;
}

/** Those that the settings name; for who has no API server to ask for those of the nodes, all. */
export function namedPlatforms({ platforms }: Settings['copy']): readonly Platform[] {
  return platforms.includes(OF_NODES) ? [] : platforms.map(parsePlatform);
}

/**
 * Those of the settings, or of the nodes of the cluster: only then the client of the API server is loaded.
 * @throws KubeError when nothing says where the API server is
 */
export async function openPlatforms(
  { copy, access }: Pick<Settings, 'copy' | 'access'>,
  log: Logger,
): Promise<Platforms> {
  if (!copy.platforms.includes(OF_NODES)) {
    const platforms = namedPlatforms(copy);
    return { current: () => platforms, stop: () => undefined };
  }
  const [{ ApiServer }, { NodePlatforms }] = await Promise.all([
    import('../kube/api-server.ts'),
    import('../kube/node-platforms.ts'),
  ]);
  const api = new ApiServer({ kubeconfig: access.kubeconfig });
  const nodes = new NodePlatforms({ api, observe: (event) => write(log, event) });
  await nodes.refresh();
  return { current: () => nodes.current, stop: repeat(() => nodes.refresh(), LOOK_MS) };
}

function write(log: Logger, event: NodePlatformsEvent): void {
  if (event.type === 'platforms')
    return log.info({ platforms: event.platforms.map(formatPlatform) }, 'Platforms of the nodes');
  const message = 'Platforms of the nodes not known anew: those before are copied, or all';
  return log.warn({ error: event.error }, message);
}
