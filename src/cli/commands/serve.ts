import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { loadSettings, type Settings } from '../../config/configuration.ts';
import { onSignals } from '../../server/signals.ts';
import { surviveUncaught } from '../../server/uncaught.ts';
import { createLogger, type Logger } from '../../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../../telemetry/metrics.ts';
import type { CommandSurroundings } from '../command.ts';
import { EXIT, exitCodeOf } from '../exit-code.ts';
import { settingsHelp } from '../settings-table.ts';
import { returnStartMemory } from '../start-memory.ts';
import { readVersion } from '../version.ts';
import { startWebhook, type Webhook } from '../webhook.ts';

/** `image-cloner serve`: config → logger → metrics → composition → server, until a signal ends it. */
export function configure(command: Command, surroundings: CommandSurroundings): void {
  command
    .description(
      'Runs the webhook: HTTPS on "listen" with POST /clone-image, /readyz and /livez, and /metrics on a port of its own.\nStops at SIGTERM or SIGINT with no request lost; a second signal ends it at once.',
    )
    .option('--config <file>', 'YAML file with settings')
    .addHelpText('after', () => `\n${settingsHelp()}`)
    .action(async ({ config }: { readonly config?: string }) => {
      const settings = await loadSettings({ file: config, environment: surroundings.environment });
      surroundings.exitWith(await serve(settings, surroundings));
    });
}

async function serve(settings: Settings, surroundings: CommandSurroundings): Promise<number> {
  const { log: destination } = surroundings;
  const version = readVersion();
  const log = await createLogger({ ...settings.log, ...(destination !== undefined && { destination }) });
  const metrics = createMetrics({ version });
  try {
    const webhook = await startWebhook({ settings, log, metrics });
    returnStartMemory();
    log.info({ version, address: addressText(webhook.address) }, 'Webhook listening');
    log.info({ address: addressText(webhook.metricsAddress) }, 'Metrics listening');
    await untilStopped(webhook, surroundings, { log, metrics });
    return EXIT.done;
  } catch (error) {
    log.fatal({ error }, 'Cannot start');
    return exitCodeOf(error);
  }
}

async function untilStopped(
  webhook: Webhook,
  { process, leave }: CommandSurroundings,
  telemetry: { readonly log: Logger; readonly metrics: Metrics },
): Promise<void> {
  surviveUncaught(process, telemetry);
  await new Promise<void>((resolve) => onSignals(process, resolve, leave));
  await webhook.stop();
}

function addressText({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
