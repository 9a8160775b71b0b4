import { copyFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output } from '../test/e2e/harness/command.ts';
import { environmentOf, type Tool } from './tool.ts';

/** The checkout that this file belongs to. */
export const OWN_CHECKOUT: string = fileURLToPath(new URL('..', import.meta.url));

/** What is read at run time beside the code. */
const PROTO = 'src/containerd/proto';
/** Where `bench/tsconfig.json` puts what it compiles. */
const BUILT = 'node_modules/.cache/image-cloner-bench';

/**
 * image-cloner as it is shipped: compiled, because a checkout pays for the reading of TypeScript at each start.
 * @param checkout folder of its sources
 * @param name to tell several checkouts apart
 */
export async function ownTool(checkout: string, name = 'image-cloner'): Promise<Tool> {
  const built = await build(checkout);
  const main = join(built, 'src/main.js');
  return {
    name,
    copiesMany: true,
    version: async () => (await output(process.execPath, [main, '--version'])).trim(),
    command: (pairs, surroundings) => {
      const script = pairs.length === 1 ? [main, 'copy'] : [join(built, 'bench/copy-many.js')];
      const references = pairs.flatMap(({ source, target }) => [source, target]);
      return {
        program: process.execPath,
        args: [...script, ...references],
        environment: environmentOf(surroundings),
      };
    },
  };
}

/** @returns the folder of what was compiled, laid out as the checkout is */
export async function build(checkout: string): Promise<string> {
  const built = join(checkout, BUILT);
  const compiler = join(checkout, 'node_modules/.bin/tsc');
  // Types are checked elsewhere.
  await output(compiler, ['-p', join(checkout, 'bench/tsconfig.json'), '--noCheck']);
  await copyFile(join(checkout, 'package.json'), join(built, 'package.json'));
  await cp(join(checkout, PROTO), join(built, PROTO), { recursive: true });
  return built;
}
