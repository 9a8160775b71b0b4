import type { Command } from 'commander';
import { type ConfigurationSource, loadSettings, type Settings } from '../../config/configuration.ts';
import { firstSignal } from '../../server/signals.ts';
import { surviveUncaught } from '../../server/uncaught.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import type { CommandSurroundings } from '../command.ts';
import { EXIT, exitCodeOf } from '../exit-code.ts';
import { addressText } from '../listen-address.ts';
import { settingsHelp } from '../settings-table.ts';
import { returnStartMemory } from '../start-memory.ts';
import { readVersion } from '../version.ts';
import { startWebhook } from '../webhook.ts';
import { limitYoungGarbage } from '../young-garbage.ts';

/** `image-cloner serve`: config → logger → metrics → composition → server, until a signal ends it. */
export function configure(command: Command, surroundings: CommandSurroundings): void {
  command
    .description(
      'Runs the webhook: HTTPS on "listen" with POST /clone-image, /readyz and /livez, and /metrics on a port of its own.\nStops at SIGTERM or SIGINT with no request lost; a second signal ends it at once.',
    )
    .option('--config <file>', 'YAML file with settings')
    .addHelpText('after', () => `\n${settingsHelp()}`)
    .action(async ({ config }: { readonly config?: string }) => {
      const source = { file: config, environment: surroundings.environment };
      surroundings.exitWith(await serve(await loadSettings(source), source, surroundings));
    });
}

async function serve(
  settings: Settings,
  source: ConfigurationSource,
  surroundings: CommandSurroundings,
): Promise<number> {
  const { log: destination, environment } = surroundings;
  const version = readVersion();
  const log = await createLogger({ ...settings.log, ...(destination !== undefined && { destination }) });
  const metrics = createMetrics({ version });
  const signalled = firstSignal(surroundings.process, surroundings.leave);
  try {
    const webhook = await startWebhook({
      settings,
      log,
      metrics,
      environment,
      reload: () => loadSettings(source),
    });
    surviveUncaught(surroundings.process, { log, metrics });
    limitYoungGarbage();
    returnStartMemory();
    log.info({ version, address: addressText(webhook.address) }, 'Webhook listening');
    log.info({ address: addressText(webhook.metricsAddress) }, 'Metrics listening');
    await signalled;
    await webhook.stop();
    return EXIT.done;
  } catch (error) {
    log.fatal({ error }, 'Cannot start');
    return exitCodeOf(error);
  }
}
