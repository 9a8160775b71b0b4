import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'rolldown';

/**
 * Adds the `.proto` files that are read at run time.
 * @param from folder of the checkout
 * @param to folder of the build, in it
 */
export function protoFiles(from: string, to: string): Plugin {
  return {
    name: 'proto-files',
    async generateBundle() {
      for (const name of await readdir(from)) {
        const source = await readFile(join(from, name));
        this.emitFile({ type: 'asset', fileName: `${to}/${name}`, source });
      }
    },
  };
}
