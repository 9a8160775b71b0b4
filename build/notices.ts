import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'rolldown';

/** Folder of a package, the innermost. Ids that the bundler made begin with a null character, and are no files. */
const PACKAGE = /^[^\0].*\/node_modules\/(?:@[^/]+\/)?[^/]+/;
/** What authors call the files with their conditions. */
const TERMS = /^(licen[cs]e|copying|notice)/i;
const RULE = '-'.repeat(80);

/**
 * Adds a file with the licences of the packages that are in the build: nearly all of them ask for no more than that their
 * text goes along. A package that says nothing of its licence stops the build.
 */
export function notices(fileName: string): Plugin {
  return {
    name: 'notices',
    async generateBundle(_options, bundle) {
      const parts = Object.values(bundle);
      const modules = parts.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
      const texts = await Promise.all(foldersOf(modules).map(noticeOf));
      this.emitFile({ type: 'asset', fileName, source: texts.join(`\n${RULE}\n\n`) });
    },
  };
}

function foldersOf(modules: readonly string[]): readonly string[] {
  const folders = modules.flatMap((module) => PACKAGE.exec(module)?.[0] ?? []);
  return [...new Set(folders)].toSorted();
}

async function noticeOf(folder: string): Promise<string> {
  const { name, version, license }: Record<string, unknown> = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const files = (await readdir(folder)).filter((file) => TERMS.test(file)).toSorted();
  if (files.length === 0 && typeof license !== 'string')
    throw new Error(`Cannot ship ${String(name)} ${String(version)}: wanted a licence in it`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const terms = typeof license === 'string' ? ` (${license})` : '';
  return [`${String(name)} ${String(version)}${terms}\n`, ...texts].join('\n');
}
