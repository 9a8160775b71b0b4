import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Address, parseAddress } from '../../config/address.ts';
import type { AccessEvent } from '../../embedded/access.ts';
import { createEmbeddedRegistry } from '../../embedded/embedded-registry.ts';
import { firstSignal } from '../../server/signals.ts';
import { createLogger, type Logger } from '../../telemetry/logger.ts';
import type { CommandSurroundings } from '../command.ts';

interface Options {
  readonly dir: string;
  readonly listen: Address;
  readonly readOnly: boolean;
}

/** This machine only: it asks nobody for a password. The port is the one registries are known by. */
const DEFAULT_ADDRESS: Address = { host: '127.0.0.1', port: 5000 };

/** `image-cloner registry` */
export function configure(command: Command, surroundings: CommandSurroundings): void {
  command
    .description(
      'Runs a registry over a folder, an OCI image layout for each repository: plain HTTP, no password.\nFor a first try, tests and one-node clusters.',
    )
    .requiredOption('--dir <dir>', 'folder of all content; made where it is absent')
    .addOption(
      new Option('--listen <address>', '":PORT", "HOST:PORT" or "[IPV6]:PORT"')
        .default(DEFAULT_ADDRESS, '127.0.0.1:5000')
        .argParser(readAddress),
    )
    .option('--read-only', 'refuse every request that would change something', false)
    .action((options: Options) => serve(options, surroundings));
}

function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new InvalidArgumentError('wanted ":PORT", "HOST:PORT" or "[IPV6]:PORT"');
  return address;
}

async function serve(
  { dir, listen, readOnly }: Options,
  { process, leave, log: destination }: CommandSurroundings,
): Promise<void> {
  const stopped = firstSignal(process, leave);
  const log = await createLogger({
    level: 'info',
    format: 'auto',
    ...(destination !== undefined && { destination }),
  });
  const registry = await createEmbeddedRegistry({
    dir,
    readOnly,
    observe: (event) => writeAccess(log, event),
  });
  const listener = await registry.listen({ host: '::', ...listen });
  log.info({ address: listener.url, path: dir }, 'Registry listening');
  await stopped;
  await listener.close();
  log.info({}, 'Stopped');
}

function writeAccess(log: Logger, event: AccessEvent): void {
  const { method, path, status, receivedBytes, sentBytes, durationMs, error } = event;
  const bytes = receivedBytes + sentBytes;
  const fields = { method, path, status, bytes, durationMs: Math.round(durationMs) };
  if (error === undefined) log.info(fields, 'Request answered');
  else log.error({ ...fields, error }, 'Request failed');
}
