import type { Command } from 'commander';
import { loadSettings } from '../../config/configuration.ts';
import type { Environment } from '../../config/process-environment.ts';
import { formatSettings } from '../../config/settings-text.ts';
import type { CommandSurroundings } from '../command.ts';
import { readImageMap } from '../image-map.ts';
import { readJudgement } from '../judgement.ts';
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
      out(markdown ? settingsMarkdown() : await checkedText(config, environment));
    });
}

/** What the patterns of the rules and the map mean is checked as well, which takes more than the shape of the file. */
async function checkedText(file: string | undefined, environment: Environment | undefined): Promise<string> {
  const settings = await loadSettings({ file, environment });
  readJudgement(settings);
  await readImageMap(settings.registry);
  return formatSettings(settings);
}
