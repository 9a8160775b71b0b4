import type { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { CONFIG_VARIABLE, settingsIn } from './environment.ts';
import { type Checked, faultsOf } from './fault.ts';
import { readTree } from './file.ts';
import { SECTIONS } from './key.ts';
import { type Environment, processEnvironment } from './process-environment.ts';
import { SCHEMA } from './settings.ts';
import { deepFreeze, type Tree, withSection, withValue } from './tree.ts';

type Parsed = z.output<typeof SCHEMA>;

type Frozen<Value> = Value extends object ? { readonly [Name in keyof Value]: Frozen<Value[Name]> } : Value;

/** The configuration: complete, checked, frozen. */
export type Settings = Frozen<Parsed>;

export interface ConfigurationSource {
  /** YAML file; without it the one that `IMAGE_CLONER_CONFIG` names, if any. */
  readonly file?: string | undefined;
  /** @default the environment of the process */
  readonly environment?: Environment | undefined;
}

/**
 * Defaults, under the file, under the environment, checked as a whole.
 * @throws ConfigError with every fault of file and environment at once
 */
export async function loadSettings(source: ConfigurationSource = {}): Promise<Settings> {
  const environment = source.environment ?? processEnvironment();
  const file = await readIfNamed(source.file ?? environment[CONFIG_VARIABLE]);
  const variables = settingsIn(environment);
  const checked = { tree: layered(file.tree, variables), variables };
  return deepFreeze(check(checked, file.error));
}

interface FileRead {
  readonly tree: Tree;
  readonly error?: ConfigError;
}

/** A file that cannot be read is kept for later: the environment may have faults of its own to tell. */
async function readIfNamed(file: string | undefined): Promise<FileRead> {
  if (file === undefined || file === '') return { tree: {} };
  try {
    return { tree: await readTree(file) };
  } catch (error) {
    if (error instanceof ConfigError) return { tree: {}, error };
    throw error;
  }
}

function layered(file: Tree, variables: Checked['variables']): Tree {
  const sections = SECTIONS.reduce((tree, section) => withSection(tree, section.split('.')), file);
  return variables.reduce((tree, { key, value }) => withValue(tree, key.path.split('.'), value), sections);
}

function check(checked: Checked, fileError: ConfigError | undefined): Parsed {
  const result = SCHEMA.safeParse(checked.tree);
  if (result.success && fileError === undefined) return result.data;
  const faults = result.success ? [] : faultsOf(result.error.issues, checked);
  // The library's own report is no cause: all it says is in the faults, in better words.
  throw new ConfigError([...(fileError?.faults ?? []), ...faults], { cause: fileError?.cause });
}
