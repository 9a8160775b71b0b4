import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { loadSettings, type Settings } from '../../config/configuration.ts';
import { type Manifest, ManifestError, readManifests } from '../../manifest/manifests.ts';
import type { CommandSurroundings } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { readJudgement } from '../judgement.ts';
import { readNaming } from '../naming.ts';
import { type Planned, type PlanRow, planManifest } from '../plan-row.ts';
import { planTable } from '../plan-table.ts';

interface Options {
  readonly filename: readonly string[];
  readonly config?: string;
  readonly namespace: string;
  readonly json?: true;
  readonly check?: true;
}

/** `image-cloner plan` */
export function configure(command: Command, surroundings: CommandSurroundings): void {
  command
    .description(
      `Says what the webhook would do with each image of these manifests when they are created, and by which rule.
Reads YAML and JSON: many documents, lists, the output of "helm template" and "kustomize build". Asks no registry,
unless --check is given. That a namespace is labelled, only the cluster knows: all are taken to be.
Ends with exit code 1 when an object would be refused or an image is no reference.`,
    )
    .requiredOption('-f, --filename <file...>', 'manifests; "-" is standard input')
    .option('-n, --namespace <name>', 'of objects that name none', 'default')
    .option('--config <file>', 'YAML file with settings')
    .option('--json', 'print JSON instead of a table')
    .option('--check', 'ask the backup registry which copies are there')
    .action(async (options: Options) => surroundings.exitWith(await plan(options, surroundings)));
}

async function plan(options: Options, surroundings: CommandSurroundings): Promise<number> {
  const { environment, out } = surroundings;
  const settings = await loadSettings({ file: options.config, environment });
  const judgement = { ...readJudgement(settings), naming: await readNaming(settings) };
  const manifests = await readAll(options.filename, surroundings);
  const planned = manifests.flatMap((object) => planManifest(object, options.namespace, judgement));
  const rows = options.check ? await checked(planned, settings) : planned.map(({ row }) => row);
  out(options.json ? `${JSON.stringify(rows, undefined, 2)}\n` : planTable(rows));
  return rows.some(isRefused) ? EXIT.failed : EXIT.done;
}

function isRefused({ action, reason }: PlanRow): boolean {
  return action === 'deny' || reason === 'unparsable';
}

async function readAll(
  files: readonly string[],
  { input = process.stdin }: CommandSurroundings,
): Promise<readonly Manifest[]> {
  const manifests: (readonly Manifest[])[] = [];
  for (const file of files) {
    const content = file === '-' ? await readStream(input) : await readManifestFile(file);
    manifests.push(readManifests(content, file === '-' ? 'standard input' : file));
  }
  return manifests.flat();
}

async function readStream(input: AsyncIterable<Uint8Array | string>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of input) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString();
}

async function readManifestFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ManifestError(file, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Loaded only where it is asked for: registry clients take longer to load than a plan takes. */
async function checked(planned: readonly Planned[], settings: Settings): Promise<readonly PlanRow[]> {
  const { checkCopies } = await import('../plan-check.ts');
  return checkCopies(planned, settings);
}
