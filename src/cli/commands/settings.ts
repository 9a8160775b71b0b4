import type { Command } from 'commander';
import { loadSettings } from '../../config/configuration.ts';
import { formatSettings } from '../../config/settings-text.ts';
import type { CommandSurroundings } from '../command.ts';
import { settingsHelp, settingsMarkdown } from '../settings-table.ts';

interface Options {
  readonly config?: string;
  readonly markdown?: true;
}

/** `image-cloner settings`: no setting holds a secret, so all of them can be shown. */
export function configure(command: Command, { out, environment }: CommandSurroundings): void {
  command
    .description(
      'Reads the configuration as "serve" does and prints it as YAML, defaults filled in.\nA fault is told with its key or variable, all of them at once, and ends with exit code 2.',
    )
    .option('--config <file>', 'YAML file with settings')
    .option('--markdown', 'print the table of all settings instead')
    .addHelpText('after', () => `\n${settingsHelp()}`)
    .action(async ({ config, markdown }: Options) => {
      out(
        markdown
          ? settingsMarkdown()
          : await formatSettings(await loadSettings({ file: config, environment })),
      );
    });
}
