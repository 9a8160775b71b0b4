import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Prints the rooms of nodes, and libraries of theirs, that are loaded with the composition of a webhook. */
const SCRIPT = `
  import { registerHooks } from 'node:module';
  const loaded = new Set();
  registerHooks({ load: (url, context, next) => {
    const [, room] = /src\\/(docker|containerd|agent)\\/|node_modules\\/(?:dockerode|@grpc)/.exec(url) ?? [];
    if (room !== undefined) loaded.add(room);
    return next(url, context);
  } });
  const { compose } = await import('${import.meta.dirname}/compose.ts');
  const { loadSettings } = await import('${import.meta.dirname}/../config/configuration.ts');
  const { createMetrics } = await import('${import.meta.dirname}/../telemetry/metrics.ts');
  const { createLogger } = await import('${import.meta.dirname}/../telemetry/logger.ts');
  const environment = { REGISTRY: 'r.example.com/b', REGISTRY_AUTH_DIR: '/nowhere', ...JSON.parse(process.argv[1]) };
  const settings = await loadSettings({ environment });
  const log = await createLogger({ level: 'error', format: 'json' });
  const { settle } = await compose({ settings, log, metrics: createMetrics({ version: '' }), environment: {} });
  await settle(AbortSignal.abort());
  console.log([...loaded].toSorted().join(' '));`;

test.each([
  ['no node', {}, ''],
  ['a Docker daemon', { DOCKER_SOCKET: '/nowhere.sock' }, 'docker'],
  ['a containerd', { CONTAINERD_SOCKET: '/nowhere.sock' }, 'containerd'],
  ['agents', { AGENTS_ADDRESSES: '127.0.0.1:1' }, 'agent'],
  ['what is not to be asked', { DOCKER_SOCKET: '/nowhere.sock', COPY_ENGINE: 'registry' }, ''],
])('who names %s pays for nothing else', async (_what, environment, rooms) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--no-warnings',
    '--eval',
    SCRIPT,
    JSON.stringify(environment),
  ]);
  expect(stdout.trim()).toBe(rooms);
});
