import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Says before and after the first question whether the protocol's library is in memory. */
const SCRIPT = `
  import { createRequire } from 'node:module';
  import { Containerd } from '${import.meta.dirname}/containerd.ts';
  const { cache } = createRequire('${import.meta.filename}');
  const isLoaded = () => Object.keys(cache).some((file) => file.includes('/@grpc/grpc-js/'));
  const containerd = new Containerd({ socket: '/no/such.sock' });
  console.log(isLoaded());
  await containerd.version(new AbortController().signal).catch(({ code }) => console.log(code));
  console.log(isLoaded());
  await containerd.close();`;

test('who never asks a containerd does not pay for its protocol', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--no-warnings',
    '--eval',
    SCRIPT,
  ]);
  expect(stdout).toBe('false\nUNREACHABLE\ntrue\n');
});
