import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type FakeApiServer,
  node,
  pullSecret,
  serviceAccount,
  startApiServer,
} from '../../test/fakes/api-server.ts';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import { type ScriptedRegistry, startRegistry } from '../../test/fakes/scripted-registry.ts';
import { never } from '../../test/fakes/stage.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { makeImage, makeIndex } from '../../test/images/image.ts';
import type { Asker } from '../admission/cloning.ts';
import { loadSettings } from '../config/configuration.ts';
import type { Environment } from '../config/process-environment.ts';
import type { CopyTask, Outcome } from '../copy/outcome.ts';
import { parseReference } from '../image/reference.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { type Composition, compose } from './compose.ts';

const KEY = { username: 'reader', password: 'correct-horse' };
const image = await makeImage();
const [amd, arm, s390x] = await Promise.all(
  ['amd64', 'arm64', 's390x'].map((architecture) => makeImage({ platform: { os: 'linux', architecture } })),
);
if (amd === undefined || arm === undefined || s390x === undefined) throw new Error('Wanted three images');
const index = makeIndex([amd, arm, s390x]);

interface Scene {
  readonly api: FakeApiServer;
  readonly source: ScriptedRegistry;
  readonly backup: ScriptedRegistry;
  readonly composition: Composition;
  readonly log: RecordingLogger;
  /** Copies `private/app:1` for a namespace, as the webhook does. */
  readonly ensure: (asker: Asker) => Promise<Outcome>;
  readonly task: (asker: Asker, path?: string) => CopyTask;
}

/** @param prepare what is there before image-cloner starts */
async function scene(
  changes: Environment = {},
  prepare: (api: FakeApiServer) => void = () => undefined,
): Promise<Scene> {
  const images = [
    { repository: 'private/app', tag: '1', image },
    { repository: 'private/index', tag: '1', image: index },
  ];
  const [api, source, backup] = await Promise.all([
    startApiServer(),
    startRegistry({ images, auth: { basic: KEY } }),
    startRegistry(),
  ]);
  prepare(api);
  const kubeconfig = join(await tempFolder(), 'kubeconfig');
  await writeFile(kubeconfig, api.kubeconfig);
  const environment = {
    REGISTRY: `${backup.host}/backup`,
    SOURCES_INTERNAL: source.host,
    COPY_TIMEOUT_SECONDS: '600',
    ACCESS_PULL_SECRETS: 'true',
    ACCESS_KUBECONFIG: kubeconfig,
    ...changes,
  };
  const log = new RecordingLogger();
  const settings = await loadSettings({ environment });
  const metrics = createMetrics({ version: '0.0.0-test' });
  const composition = await compose({ settings, log, metrics, environment: {} });
  onTestFinished(async () => {
    await composition.settle(AbortSignal.timeout(1000));
    await Promise.all([api.close(), source.close(), backup.close()]);
  });
  function task(asker: Asker, path = 'private/app'): CopyTask {
    const { cloning } = composition;
    const reference = parseReference(`${source.host}/${path}:1`);
    const own = { host: backup.host, path: `backup/ns/${asker.namespace}/${path}`, tag: '1' };
    const tenant = cloning.tenantOf?.(asker, reference);
    const { apart } = cloning.judgement.naming;
    return {
      source: reference,
      backup: { host: backup.host, path: `backup/x/${path}`, tag: '1' },
      ...(tenant && { tenant: apart ? { ...tenant, backup: own } : tenant }),
    };
  }
  return {
    api,
    source,
    backup,
    composition,
    log,
    task,
    ensure: (asker) => composition.cloning.copies.ensure(task(asker), never),
  };
}

const SHOP: Asker = { namespace: 'shop', pullSecrets: { names: ['pull'], serviceAccount: 'default' } };
const BANK: Asker = { namespace: 'bank', pullSecrets: { names: [], serviceAccount: 'default' } };

describe('a private source', () => {
  test('is read with the secret that the pod names', async () => {
    const { api, source, backup, ensure } = await scene();
    api.put('secrets', pullSecret('shop', 'pull', { [source.host]: KEY }));
    expect(await ensure(SHOP)).toMatchObject({
      state: 'copied',
      ownBackup: { path: 'backup/ns/shop/private/app' },
    });
    expect(backup.tags('backup/x/private/app')).toEqual([]);
  });

  test('is read with the secret of the service account', async () => {
    const { api, source, ensure } = await scene();
    api.put('secrets', pullSecret('bank', 'of-account', { [source.host]: KEY }));
    api.put('serviceaccounts', serviceAccount('bank', 'default', ['of-account']));
    expect(await ensure(BANK)).toMatchObject({ state: 'copied' });
  });

  test('is not read with the secret of another namespace, by whatever name it is asked for', async () => {
    const { api, source, ensure } = await scene();
    api.put('secrets', pullSecret('shop', 'pull', { [source.host]: KEY }));
    await ensure(SHOP);
    const pullSecrets = { names: ['pull'], serviceAccount: 'default' };
    expect(await ensure({ namespace: 'bank', pullSecrets })).toMatchObject({
      state: 'failed',
      error: { code: 'NO_CREDENTIALS' },
    });
  });

  test('stays private where a secret is for another host, and the error says what was looked at', async () => {
    const { api, source, ensure } = await scene();
    api.put('secrets', pullSecret('shop', 'pull', { 'other.example.com': KEY }));
    const outcome = await ensure(SHOP);
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'NO_CREDENTIALS', side: 'source' } });
    expect(outcome.state === 'failed' && outcome.error.message).toContain(
      `${source.host} for namespace "shop": no pull secret of the pod or its service account "default" is for it`,
    );
  });

  test.each([
    ['secrets', 'pull', (action: string) => !action.startsWith('get secrets')],
    ['serviceaccounts', 'default', (action: string) => !action.startsWith('get serviceaccounts')],
  ])(
    'stays private where %s may not be read, and the error says how to grant it',
    async (resource, name, allow) => {
      const { api, ensure } = await scene();
      api.allow = allow;
      const outcome = await ensure(SHOP);
      expect(outcome).toMatchObject({ state: 'failed', error: { code: 'FORBIDDEN' } });
      expect(outcome.state === 'failed' && outcome.error.message).toContain(
        [
          `kubectl create role image-cloner-${resource}-${name} --namespace=shop --verb=get --resource=${resource} --resource-name=${name}`,
          `kubectl create rolebinding image-cloner-${resource}-${name} --namespace=shop --role=image-cloner-${resource}-${name} --serviceaccount=image-cloner:image-cloner`,
        ].join(' && '),
      );
    },
  );

  test('is read all the same where the account may not be read and the pod’s own secret does', async () => {
    const { api, source, ensure } = await scene();
    api.put('secrets', pullSecret('shop', 'pull', { [source.host]: KEY }));
    api.allow = (action) => action.startsWith('get secrets');
    expect(await ensure(SHOP)).toMatchObject({ state: 'copied' });
  });

  test('stays private while the API server is away; a copy that is there serves', async () => {
    const { api, source, ensure } = await scene({ COPY_FRESH_SECONDS: '0' });
    api.put('secrets', pullSecret('shop', 'pull', { [source.host]: KEY }));
    await ensure(SHOP);
    await api.close();
    expect(await ensure({ ...SHOP, pullSecrets: { names: ['new'] } })).toMatchObject({ state: 'present' });
    expect(await ensure(BANK)).toMatchObject({ state: 'failed', error: { code: 'UNAVAILABLE' } });
  });

  test('is everybody’s with one tenant for all', async () => {
    const { api, source, backup, ensure } = await scene({ ACCESS_SHARED: 'true' });
    api.put('secrets', pullSecret('shop', 'pull', { [source.host]: KEY }));
    expect(await ensure(SHOP)).toMatchObject({ state: 'copied' });
    expect(backup.tags('backup/x/private/app')).toEqual(['1']);
    expect(await ensure(BANK)).toMatchObject({ state: 'present' });
  });

  test('shows no secret to anybody but the host that it is for, and to no log', async () => {
    const { api, source, backup, ensure, log } = await scene();
    api.put('secrets', pullSecret('shop', 'pull', { [source.host]: KEY, [backup.host]: KEY }));
    await ensure(SHOP);
    const told = backup.requests().filter(({ headers }) => headers.authorization !== undefined);
    expect(told).toEqual([]);
    expect(inspect(log.records, { depth: 9 })).not.toContain(KEY.password);
  });
});

describe('without the setting', () => {
  test('nobody is asked who asks, and nothing needs an API server', async () => {
    const { api, composition, ensure } = await scene({
      ACCESS_PULL_SECRETS: 'false',
      ACCESS_KUBECONFIG: '/nonexistent',
    });
    expect(composition.cloning.tenantOf).toBeUndefined();
    expect(await ensure(SHOP)).toMatchObject({ state: 'failed', error: { code: 'UNAUTHORIZED' } });
    expect(api.requests()).toEqual([]);
  });

  test('nothing of it is loaded', async () => {
    const { execFileSync } = await import('node:child_process');
    const loaded = execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { registerHooks } from 'node:module';
         const seen = [];
         registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context); } });
         await import(${JSON.stringify(new URL('./compose.ts', import.meta.url).href)});
         console.log(seen.filter((url) => url.includes('client-node') || url.includes('/src/kube/')).length, seen.length > 50);`,
      ],
      { encoding: 'utf8' },
    );
    expect(loaded.trim()).toBe('0 true');
  });
});

test('a setting that needs the API server stops the start where nothing says where it is', async () => {
  await expect(scene({ ACCESS_KUBECONFIG: '/nonexistent' })).rejects.toMatchObject({
    code: 'NOT_CONFIGURED',
  });
});

test('a prefix that leaves no room for namespaces stops the start', async () => {
  const REGISTRY = `registry.example.com/${'x'.repeat(120)}`;
  await expect(scene({ REGISTRY })).rejects.toMatchObject({ code: 'INVALID_PREFIX' });
  await expect(scene({ REGISTRY, ACCESS_SHARED: 'true' })).resolves.toBeDefined();
});

/** The index, as it is copied. */
async function copied(one: Scene): Promise<Buffer | undefined> {
  one.api.put('secrets', pullSecret('shop', 'pull', { [one.source.host]: KEY }));
  await one.composition.cloning.copies.ensure(one.task(SHOP, 'private/index'), never);
  return one.backup.manifest('backup/x/private/index', '1');
}

describe('the platforms of the nodes', () => {
  const NODES = { COPY_PLATFORMS: 'nodes', ACCESS_SHARED: 'true' };

  test('are those that are copied', async () => {
    const one = await scene(NODES, (api) => api.put('nodes', node('a', 'linux', 'arm64')));
    expect(await copied(one)).toEqual(arm.content.bytes);
    expect(one.log.records).toContainEqual(
      expect.objectContaining({ message: 'Platforms of the nodes', fields: { platforms: ['linux/arm64'] } }),
    );
  });

  test('are all where nodes cannot be listed, and the log says why', async () => {
    const one = await scene(NODES, (api) => {
      api.allow = (action) => action !== 'list nodes';
    });
    expect(await copied(one)).toEqual(index.content.bytes);
    expect(inspect(one.log.records, { depth: 9 })).toContain(
      'Cannot list nodes: the API server answered 403',
    );
  });
});
