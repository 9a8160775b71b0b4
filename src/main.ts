#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Unbuilt sources cost 30 MB and a second at each start, for a compiler that takes the types out; what it made is kept
// from the second start on. Where nothing can be written, nothing is.
enableCompileCache();
void main();

async function main(): Promise<void> {
  const { run } = await import('./cli/program.ts');
  const exitCode = await run(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    ...(process.stderr.isTTY && { terminal: process.stderr }),
    process,
    leave: (code) => process.exit(code),
  });
  // A pipe takes what fits into it at once; the rest would be lost with the process. Who has closed it wants no more.
  process.stdout.on('error', () => {});
  await new Promise<void>((resolve) => {
    process.stdout.write('', () => resolve());
  });
  // Said and not only set: connections that registries keep open would hold the process for a while.
  process.exit(exitCode);
}
