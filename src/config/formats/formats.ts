import { readTree } from '../file.ts';
import { fromEcrPullThrough } from './ecr-pull-through.ts';
import type { Migration } from './migration.ts';
import { fromPalette } from './palette.ts';

const READERS = { 'ecr-pull-through': fromEcrPullThrough, palette: fromPalette } as const;

/** A tool whose configuration can be read. */
export type Format = keyof typeof READERS;

export const FORMATS: readonly Format[] = ['ecr-pull-through', 'palette'];

/** Reads another tool's configuration. @throws ConfigError */
export async function readMigration(format: Format, file: string): Promise<Migration> {
  return READERS[format](await readTree(file), file);
}

/** A configuration file of ours, notes first. */
export async function formatMigration({ settings, notes }: Migration): Promise<string> {
  const { formatDocument } = await import('../../yaml/document.ts');
  return `${notes.map((note) => `# ${note}\n`).join('')}${formatDocument(settings)}`;
}
