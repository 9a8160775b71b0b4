import type { Command } from 'commander';
import { loadSettings, type Settings } from '../../config/configuration.ts';
import { firstSignal } from '../../server/signals.ts';
import { surviveUncaught } from '../../server/uncaught.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import { startAgent } from '../agent.ts';
import type { CommandSurroundings } from '../command.ts';
import { EXIT, exitCodeOf } from '../exit-code.ts';
import { addressText } from '../listen-address.ts';
import { settingsHelp } from '../settings-table.ts';
import { readVersion } from '../version.ts';
import { limitYoungGarbage } from '../young-garbage.ts';

const AFTER = `
What it needs of the settings:
  containerd.socket, docker.socket          one of them, or both
  registry.prefix                           with a path: it pushes nowhere else
  agents.certFile, .keyFile, .caFile        its certificate, and the authority of those who may ask
  listen, metrics.listen                    questions over HTTPS; /metrics, /readyz and /livez over HTTP

Whoever can use a socket is root on the node: run it apart from the webhook (deploy/agent/, docs/nodes.md).
`;

/** `image-cloner agent`: the daemons of this node behind mutual TLS, until a signal ends it. */
export function configure(command: Command, surroundings: CommandSurroundings): void {
  command
    .description(
      'Runs the agent of a node: says to webhooks whether the containerd or Docker of this node holds an image, and\npushes it to the backup registry when they ask for it. Lets in only who has a certificate of agents.caFile.\nStops at SIGTERM or SIGINT once its pushes are done; a second signal ends it at once.',
    )
    .option('--config <file>', 'YAML file with settings')
    .addHelpText('after', () => `${AFTER}\n${settingsHelp()}`)
    .action(async ({ config }: { readonly config?: string }) => {
      const settings = await loadSettings({ file: config, environment: surroundings.environment });
      surroundings.exitWith(await serve(settings, surroundings));
    });
}

async function serve(settings: Settings, surroundings: CommandSurroundings): Promise<number> {
  const { log: destination, environment } = surroundings;
  const version = readVersion();
  const log = await createLogger({ ...settings.log, ...(destination !== undefined && { destination }) });
  const metrics = createMetrics({ version });
  const signalled = firstSignal(surroundings.process, surroundings.leave);
  try {
    const agent = await startAgent({ settings, log, metrics, environment });
    surviveUncaught(surroundings.process, { log, metrics });
    limitYoungGarbage();
    log.info({ version, address: addressText(agent.address) }, 'Agent listening');
    log.info({ address: addressText(agent.metricsAddress) }, 'Metrics listening');
    await signalled;
    await agent.stop();
    return EXIT.done;
  } catch (error) {
    log.fatal({ error }, 'Cannot start');
    return exitCodeOf(error);
  }
}
