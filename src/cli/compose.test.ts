import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeClientCertificate } from '../../test/fakes/client-certificate.ts';
import { makeLoopbackCertificate } from '../../test/fakes/loopback-certificate.ts';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import {
  type RegistryOptions,
  type ScriptedRegistry,
  startRegistry,
} from '../../test/fakes/scripted-registry.ts';
import { never } from '../../test/fakes/stage.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { makeImage } from '../../test/images/image.ts';
import { loadSettings } from '../config/configuration.ts';
import type { Environment } from '../config/process-environment.ts';
import type { Outcome } from '../copy/outcome.ts';
import { parseReference } from '../image/reference.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { compose } from './compose.ts';

const OPERATOR = { username: 'backup', password: 'hunter2-hunter2' };
const READER = { username: 'reader', password: 'correct-horse' };

async function registry(options: RegistryOptions = {}): Promise<ScriptedRegistry> {
  const started = await startRegistry(options);
  onTestFinished(() => started.close());
  return started;
}

async function privateRegistry(basic: typeof READER): Promise<ScriptedRegistry> {
  const images = [{ repository: 'private/app', tag: '1', image: await makeImage() }];
  return registry({ images, auth: { basic } });
}

/** A folder for `registry.authDir` and one for `sources.authDir`, which serves every registry on loopback. */
async function folders(host: string): Promise<{ readonly operator: string; readonly reader: string }> {
  const folder = await tempFolder();
  const [operator, reader] = [join(folder, 'operator'), join(folder, 'reader')];
  await Promise.all([mkdir(operator), mkdir(reader)]);
  for (const [key, text] of Object.entries(OPERATOR)) await writeFile(join(operator, key), text);
  await writeFile(join(reader, `${host.replace(':', '_')}.json`), JSON.stringify(READER));
  return { operator, reader };
}

/** Copies `private/app:1` of a host under the settings. @param backup default: a name below the prefix */
async function ensure(
  source: string,
  settings: Environment,
  backup = `${settings['REGISTRY']}/copy/of/app:1`,
): Promise<Outcome> {
  const environment = { COPY_TIMEOUT_SECONDS: '600', SOURCES_INTERNAL: source, ...settings };
  const parts = {
    settings: await loadSettings({ environment }),
    log: new RecordingLogger(),
    metrics: createMetrics({ version: '0.0.0-test' }),
    environment: {},
  };
  const { cloning, settle } = await compose(parts);
  onTestFinished(() => settle(AbortSignal.timeout(1000)));
  const task = {
    source: parseReference(`${source}/private/app:1`),
    backup: parseReference(backup),
  };
  return cloning.copies.ensure(task, never);
}

describe('a source that wants a password', () => {
  test('gets the one that the settings name for it, and the backup registry its own', async () => {
    const [source, backup] = [await privateRegistry(READER), await registry({ auth: { basic: OPERATOR } })];
    const { operator, reader } = await folders(source.host);
    const outcome = await ensure(source.host, {
      REGISTRY: `${backup.host}/backup`,
      REGISTRY_AUTH_DIR: operator,
      SOURCES_AUTH_DIR: reader,
    });
    expect(outcome).toMatchObject({ state: 'copied' });
    expect(backup.tags('backup/copy/of/app')).toEqual(['1']);
  });

  test('does not get that of the backup registry', async () => {
    const [source, backup] = [await privateRegistry(OPERATOR), await registry({ auth: { basic: OPERATOR } })];
    const { operator } = await folders(source.host);
    const outcome = await ensure(source.host, {
      REGISTRY: `${backup.host}/backup`,
      REGISTRY_AUTH_DIR: operator,
    });
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'UNAUTHORIZED', side: 'source' } });
    expect(source.requests().filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  test('beside the copies does not get it either', async () => {
    const both = await privateRegistry(OPERATOR);
    const { operator } = await folders(both.host);
    const outcome = await ensure(both.host, { REGISTRY: `${both.host}/backup`, REGISTRY_AUTH_DIR: operator });
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'UNAUTHORIZED', side: 'source' } });
    const told = both
      .requests(undefined, /private\/app/)
      .filter(({ headers }) => headers.authorization !== undefined);
    expect(told).toEqual([]);
  });

  test('beside the copies gets what the settings name for it', async () => {
    const both = await privateRegistry(READER);
    const { operator, reader } = await folders(both.host);
    await ensure(both.host, {
      REGISTRY: `${both.host}/backup`,
      REGISTRY_AUTH_DIR: operator,
      SOURCES_AUTH_DIR: reader,
    });
    const read = both.requests('GET', /private\/app\/manifests/).map(({ status }) => status);
    expect(read).toContain(200);
  });
});

async function inside(): Promise<{ readonly source: ScriptedRegistry; readonly REGISTRY: string }> {
  const images = [{ repository: 'private/app', tag: '1', image: await makeImage() }];
  const [source, backup] = [await registry({ images }), await registry()];
  return { source, REGISTRY: `${backup.host}/backup` };
}

describe('a source at an internal address', () => {
  test('is not spoken to, though the backup registry is at one as well', async () => {
    const { source, REGISTRY } = await inside();
    const outcome = await ensure(source.host, { REGISTRY, SOURCES_INTERNAL: 'other.test' });
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'FORBIDDEN_HOP', side: 'source' } });
    expect(source.connections()).toBe(0);
  });

  test.each(['SOURCES_INTERNAL', 'SOURCES_PLAIN_HTTP'])('is read where %s names it', async (name) => {
    const { source, REGISTRY } = await inside();
    const settings = { REGISTRY, SOURCES_INTERNAL: 'other.test', [name]: source.host };
    expect(await ensure(source.host, settings)).toMatchObject({ state: 'copied' });
  });
});

test('what still runs when the time is over is broken off, and leaves no upload', async () => {
  const source = await registry({
    images: [{ repository: 'private/app', tag: '1', image: await makeImage() }],
  });
  const backup = await registry({
    faults: [{ method: 'PUT', path: /blobs/, wait: new Promise(() => {}) }],
  });
  const environment = { REGISTRY: `${backup.host}/backup`, SOURCES_INTERNAL: source.host };
  const log = new RecordingLogger();
  const metrics = createMetrics({ version: '0.0.0-test' });
  const settings = await loadSettings({ environment });
  const { cloning, settle } = await compose({ settings, log, metrics, environment: {} });
  const task = {
    source: parseReference(`${source.host}/private/app:1`),
    backup: parseReference(`${backup.host}/backup/app:1`),
  };
  const copying = cloning.copies.ensure(task, never);
  await backup.seen('PUT', /blobs/);
  await settle(AbortSignal.abort());
  expect(await copying).toMatchObject({ state: 'failed' });
  expect(backup.openUploads()).toBe(0);
});

describe('certificates of registries', () => {
  test('say whom to trust on both sides, and who we are to the backup registry', async () => {
    const [{ ca, cert, key }, identity] = [
      await makeLoopbackCertificate(),
      await makeClientCertificate('us'),
    ];
    const image = await makeImage();
    const source = await registry({
      images: [{ repository: 'private/app', tag: '1', image }],
      tls: { cert, key },
    });
    const strict = { cert, key, ca: identity.cert, requestCert: true };
    const backup = await registry({ images: [{ repository: 'private/app', tag: '1', image }], tls: strict });
    const certsDir = await tempFolder();
    for (const { host } of [source, backup]) await mkdir(join(certsDir, host));
    await writeFile(join(certsDir, source.host, 'ca.crt'), ca);
    for (const [name, text] of Object.entries({
      'ca.crt': ca,
      'us.cert': identity.cert,
      'us.key': identity.key,
    }))
      await writeFile(join(certsDir, backup.host, name), text);
    const settings = { REGISTRY: `${backup.host}/backup`, CERTS_DIR: certsDir };
    expect(await ensure(source.host, settings)).toMatchObject({ state: 'copied' });
    // A source beside the copies is read by nobody in particular.
    expect(await ensure(backup.host, settings, `${backup.host}/backup/other:1`)).toMatchObject({
      state: 'failed',
      error: { side: 'source' },
    });
  });
});

test('a proxy of the environment that is no URL stops the start', async () => {
  const settings = await loadSettings({ environment: { REGISTRY: 'registry.test/backup' } });
  const parts = { settings, log: new RecordingLogger(), metrics: createMetrics({ version: '0.0.0-test' }) };
  await expect(compose({ ...parts, environment: { HTTPS_PROXY: 'socks5://proxy' } })).rejects.toMatchObject({
    code: 'INVALID_PROXY',
  });
});

test('the password of the operator serves nothing outside the prefix', async () => {
  const backup = await registry({ auth: { basic: OPERATOR } });
  const source = await registry({
    images: [{ repository: 'private/app', tag: '1', image: await makeImage() }],
  });
  const { operator } = await folders(source.host);
  const settings = { REGISTRY: `${backup.host}/backup`, REGISTRY_AUTH_DIR: operator };
  expect(await ensure(source.host, settings)).toMatchObject({ state: 'copied' });
  expect(await ensure(source.host, settings, `${backup.host}/backups/app:1`)).toMatchObject({
    state: 'failed',
    error: { code: 'UNAUTHORIZED', side: 'target' },
  });
  const told = backup.requests().filter(({ headers }) => headers.authorization !== undefined);
  expect(told.filter(({ path }) => !path.startsWith('/v2/backup/'))).toEqual([]);
});
