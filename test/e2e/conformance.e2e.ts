import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningRegistry, startEmbedded } from '../fakes/embedded.ts';
import { output, run } from './harness/command.ts';

// The embedded registry judged by the specification's own suite. It is not among the parts that provide.sh makes:
// where it is missing these tests skip, in CI as well, and say how to get it.

const SCRIPT = fileURLToPath(new URL('../parts/conformance.sh', import.meta.url));

const PASSED = 'OCI Conformance Result: Pass';

/** Port 9 is `discard`, which nobody serves here: a suite that is there fails, one that is not says so. */
const trial = await run(SCRIPT, ['http://127.0.0.1:9']);
const isThere = trial.code !== 2;
if (!isThere) console.warn(`Skips tests. ${trial.stderr.trim()}`);

describe.runIf(isThere)('the conformance suite', () => {
  let registry: RunningRegistry | undefined;
  afterEach(async () => {
    await registry?.close();
    registry = undefined;
  });

  it('passes', async () => {
    registry = await startEmbedded();
    await expect(output(SCRIPT, [registry.url])).resolves.toContain(PASSED);
    expect(registry.events.filter(({ status }) => status >= 500)).toEqual([]);
  });

  it('passes with a password', async () => {
    registry = await startEmbedded({ auth: { username: 'ann', password: 'p:w' } });
    const environment = { OCI_USERNAME: 'ann', OCI_PASSWORD: 'p:w' };
    await expect(output(SCRIPT, [registry.url], { environment })).resolves.toContain(PASSED);
  });

  it('fails where a registry does not take what it should', async () => {
    registry = await startEmbedded({ readOnly: true });
    expect(await run(SCRIPT, [registry.url])).toMatchObject({ code: 1 });
  });

  it('fails where there is no registry', () => {
    expect(trial.code).toBe(1);
  });
});
