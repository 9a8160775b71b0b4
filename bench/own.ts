import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output } from '../test/e2e/harness/command.ts';
import { environmentOf, type Tool } from './tool.ts';

/** The checkout that this file belongs to. */
export const OWN_CHECKOUT: string = fileURLToPath(new URL('..', import.meta.url));

/** Where `bench/tsconfig.json` puts what it compiles. */
const BUILT = 'node_modules/.cache/image-cloner-bench';

/**
 * image-cloner as it is shipped: compiled, because a checkout pays for the reading of TypeScript at each start.
 * @param checkout folder of its sources
 * @param name to tell several checkouts apart
 */
export async function ownTool(checkout: string, name = 'image-cloner'): Promise<Tool> {
  const compiler = join(checkout, 'node_modules/.bin/tsc');
  await output(compiler, ['-p', join(checkout, 'bench/tsconfig.json'), '--noCheck']);
  const main = join(checkout, BUILT, 'src/main.js');
  const copyMany = join(checkout, BUILT, 'bench/copy-many.js');
  return {
    name,
    copiesMany: true,
    version: async () => (await output(process.execPath, [main, '--version'])).trim(),
    command: (pairs, surroundings) => {
      const references = pairs.flatMap(({ source, target }) => [source, target]);
      const script = pairs.length === 1 ? [main, 'copy'] : [copyMany];
      return {
        program: process.execPath,
        args: [...script, ...references],
        environment: environmentOf(surroundings),
      };
    },
  };
}
