import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { notices } from './notices.ts';
import { protoFiles } from './proto-files.ts';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Puts sources and all that they import into some dozen files that need no `node_modules`: to read hundreds of modules was
 * a third of the time that a short command takes (docs/decisions/0016).
 *
 * Chunks lie where version.ts and protocol.ts find the files they read: two folders below `package.json`, beside `proto/`.
 * @param input file of each program, by the name that it gets
 * @param dir in the checkout; emptied before
 */
export async function bundle(input: Readonly<Record<string, string>>, dir: string): Promise<void> {
  await build({
    cwd: CHECKOUT,
    input: { ...input },
    platform: 'node',
    // dockerode can reach a daemon through SSH as well, which nothing here does.
    resolve: { alias: { ssh2: false } },
    plugins: [
      protoFiles(join(CHECKOUT, 'src/containerd/proto'), 'chunks/proto'),
      notices('THIRD-PARTY-NOTICES.txt'),
    ],
    // Koa's http-assert makes its deprecated functions with it.
    checks: { eval: false },
    onLog: (level, { message }) => {
      if (level === 'warn') throw new Error(message);
    },
    output: {
      dir,
      cleanDir: true,
      // Node links modules of the other kind one by one, and asks each of its own for all that it exports.
      format: 'cjs',
      entryFileNames: '[name].cjs',
      // Names without a hash: a stack trace says the same in each build.
      chunkFileNames: 'chunks/[name].cjs',
    },
  });
}
