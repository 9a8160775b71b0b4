import { fileURLToPath } from 'node:url';
import { output } from '../test/e2e/harness/command.ts';
import { environmentOf, type Tool } from './tool.ts';

/** image-cloner itself. @param checkout folder of its sources @param name to tell several checkouts apart */
export function ownTool(checkout: string, name = 'image-cloner'): Tool {
  const main = `${checkout}/src/main.ts`;
  return {
    name,
    copiesMany: true,
    version: async () => (await output(process.execPath, [main, '--version'])).trim(),
    command: (pairs, surroundings) => {
      const [first] = pairs;
      const args =
        pairs.length === 1 && first !== undefined
          ? [main, 'copy', first.source, first.target]
          : [`${checkout}/bench/copy-many.ts`, ...pairs.flatMap(({ source, target }) => [source, target])];
      return { program: process.execPath, args, environment: environmentOf(surroundings) };
    },
  };
}

export const OWN_CHECKOUT: string = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
