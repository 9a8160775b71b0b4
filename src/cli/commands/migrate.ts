import { Argument, type Command } from 'commander';
import { FORMATS, type Format, formatMigration, readMigration } from '../../config/formats/formats.ts';
import type { CommandSurroundings } from '../command.ts';

/** `image-cloner migrate` */
export function configure(command: Command, { out }: CommandSurroundings): void {
  command
    .description(
      `Prints our configuration for another tool's: what to do beside stands in comments. No password is printed.
image-cloner: the Deployment of the one written in Go. imageswap: a map file, or manifests with its variables.
ecr-pull-through: registries.yaml. palette: a user-data file with registryCredentials.`,
    )
    .addArgument(new Argument('<format>', 'the tool').choices(FORMATS))
    .argument('<file>', 'its configuration')
    .action(async (format: Format, file: string) =>
      out(await formatMigration(await readMigration(format, file))),
    );
}
