import type { AgentEvent, ObserveAgent, ObserveAgents } from '../agent/event.ts';
import type { ObserveContainerd } from '../containerd/held.ts';
import { asError } from '../copy/copy-error.ts';
import type { DockerEvent } from '../docker/docker-daemon.ts';
import { formatReference } from '../image/reference.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';

/** What a Docker daemon tells beside its answers. */
export function observeDocker(log: Logger): (event: DockerEvent) => void {
  return ({ type, name, error: cause }) => {
    const error = asError(cause);
    if (type === 'left-behind') log.warn({ name, error }, 'Name made for a push stays on the node');
    else log.info({ name, error }, 'Docker daemon cannot push the image, it is read from it');
  };
}

/** What is there of an image that is not whole. */
export function observeContainerd(log: Logger): ObserveContainerd {
  return ({ source, why }) =>
    log.info({ source: formatReference(source), reason: why }, 'Node holds the image, but not all of it');
}

/** What is seen of the agents by who asks them. */
export function observeAgents(log: Logger): ObserveAgents {
  return (event) => {
    const { address } = event;
    if (event.type === 'agent-failed')
      log.warn({ address, error: event.error }, 'Agent cannot be asked, others are');
    else if (event.type === 'no-agents')
      log.warn({ address, error: event.error }, 'Agents cannot be found under this name');
    else log.info({ address, source: formatReference(event.source) }, 'Agent holds the image');
  };
}

const AGENT_LINES: Readonly<
  Record<AgentEvent['type'], readonly [level: 'info' | 'warn' | 'error', message: string]>
> = {
  asked: ['info', 'Asked for an image'],
  progress: ['info', 'Layer progress'],
  pushed: ['info', 'Image pushed'],
  'push-failed': ['error', 'Push failed'],
  'daemon-failed': ['warn', 'Daemon cannot give the image'],
  refused: ['warn', 'Request refused'],
};

/** What is seen on a node of those who ask its agent. */
export function observeAgent(log: Logger): ObserveAgent {
  return (event) => {
    const [level, message] = AGENT_LINES[event.type];
    log[level](fieldsOf(event), message);
  };
}

function fieldsOf(event: AgentEvent): LogFields {
  return {
    ...namesIn(event),
    ...('origin' in event && { origin: event.origin }),
    ...('held' in event && { held: event.held }),
    ...('layer' in event && { layer: event.layer, state: event.status }),
    ...('digest' in event && { digest: event.digest }),
    ...('bytes' in event && { bytes: event.bytes }),
    ...('durationMs' in event && { durationMs: Math.round(event.durationMs) }),
    ...('path' in event && { path: event.path }),
    ...('error' in event && { error: event.error }),
  };
}

function namesIn(event: AgentEvent): LogFields {
  return {
    ...('source' in event && { source: formatReference(event.source) }),
    ...('backup' in event && { backup: formatReference(event.backup) }),
  };
}
