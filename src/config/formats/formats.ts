import { parseTree, readText } from '../file.ts';
import { fromEcrPullThrough } from './ecr-pull-through.ts';
import { fromImageCloner } from './image-cloner.ts';
import { fromImageSwap } from './imageswap.ts';
import type { Migration } from './migration.ts';
import { fromPalette } from './palette.ts';

type Reader = (text: string, where: string) => Promise<Migration>;

const READERS = {
  'image-cloner': fromImageCloner,
  imageswap: fromImageSwap,
  'ecr-pull-through': ofTree(fromEcrPullThrough),
  palette: ofTree(fromPalette),
} as const satisfies Readonly<Record<string, Reader>>;

/** A tool whose configuration can be read. */
export type Format = keyof typeof READERS;

export const FORMATS: readonly Format[] = ['image-cloner', 'imageswap', 'ecr-pull-through', 'palette'];

/** Reads another tool's configuration. @throws ConfigError */
export async function readMigration(format: Format, file: string): Promise<Migration> {
  return READERS[format](await readText(file), file);
}

/** A format that is one mapping of YAML. */
function ofTree(read: (tree: unknown, where: string) => Migration): Reader {
  return async (text, where) => read(await parseTree(text, where), where);
}

/** A configuration file of ours, notes first. */
export async function formatMigration({ settings, notes }: Migration): Promise<string> {
  const { formatDocument } = await import('../../yaml/document.ts');
  return `${notes.map((note) => `# ${note}\n`).join('')}${formatDocument(settings)}`;
}
