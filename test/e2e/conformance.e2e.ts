import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningRegistry, startEmbedded } from '../fakes/embedded.ts';
import { run } from './harness/command.ts';
import { canRun } from './harness/need.ts';

// The embedded registry judged by the specification's own suite (`make conformance`).

const SCRIPT = fileURLToPath(new URL('../parts/conformance.sh', import.meta.url));

/** Whoever names a suite wants that one. */
const { OCI_CONFORMANCE: named = '' } = process.env;

describe.runIf(named !== '' || canRun('oci-conformance'))('the conformance suite', () => {
  let registry: RunningRegistry | undefined;
  afterEach(async () => {
    await registry?.close();
    registry = undefined;
  });

  it('passes', async () => {
    registry = await startEmbedded();
    await expect(run(SCRIPT, [registry.url])).resolves.toMatchObject({ code: 0 });
    expect(registry.events.filter(({ status }) => status >= 500)).toEqual([]);
  });

  it('passes with a password', async () => {
    registry = await startEmbedded({ auth: { username: 'ann', password: 'p:w' } });
    const environment = { OCI_USERNAME: 'ann', OCI_PASSWORD: 'p:w' };
    await expect(run(SCRIPT, [registry.url], { environment })).resolves.toMatchObject({ code: 0 });
  });

  it('fails where a registry does not take what it should', async () => {
    registry = await startEmbedded({ readOnly: true });
    expect(await run(SCRIPT, [registry.url])).toMatchObject({ code: 1 });
  });

  it('fails where there is no registry', async () => {
    // Port 9 is "discard", which nobody serves here.
    expect(await run(SCRIPT, ['http://127.0.0.1:9'])).toMatchObject({ code: 1 });
  });
});
