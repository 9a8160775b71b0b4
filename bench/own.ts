import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output } from '../test/e2e/harness/command.ts';
import { environmentOf, type Tool } from './tool.ts';

/** The checkout that this file belongs to. */
export const OWN_CHECKOUT: string = fileURLToPath(new URL('..', import.meta.url));

/** Where `bench/build.ts` puts what it builds, in a folder of its own. */
const BUILT = 'node_modules/.cache/image-cloner-bench';

/** As the others are told. Where nobody says it, a registry on loopback is asked for TLS first. */
const PLAIN = ['--source-plain-http', '--target-plain-http'];

/**
 * image-cloner as it is shipped: built, because a checkout pays for the reading of TypeScript at each start.
 * @param checkout folder of its sources
 * @param name to tell several checkouts apart
 */
export async function ownTool(checkout: string, name = 'image-cloner'): Promise<Tool> {
  const built = await build(checkout);
  const main = join(built, 'main.cjs');
  return {
    name,
    copiesMany: true,
    version: async () => (await output(process.execPath, [main, '--version'])).trim(),
    command: (pairs, surroundings) => {
      const plain = surroundings.authority === undefined ? PLAIN : [];
      const script = pairs.length === 1 ? [main, 'copy', ...plain] : [join(built, 'copy-many.cjs')];
      const references = pairs.flatMap(({ source, target }) => [source, target]);
      return {
        program: process.execPath,
        args: [...script, ...references],
        environment: environmentOf(surroundings),
      };
    },
  };
}

/** @returns the folder of what was built: `main.cjs` and `copy-many.cjs` */
export async function build(checkout: string): Promise<string> {
  await output(process.execPath, [join(checkout, 'bench/build.ts')]);
  const built = join(checkout, BUILT);
  await copyFile(join(checkout, 'package.json'), join(built, 'package.json'));
  return join(built, 'dist');
}
