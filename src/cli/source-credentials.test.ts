import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FakeProgram } from '../../test/fakes/fake-program.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { loadSettings } from '../config/configuration.ts';
import type { Environment } from '../config/process-environment.ts';
import { chain } from '../credentials/chain.ts';
import type { Credential, Repository } from '../credentials/credential.ts';
import { sourceCredentials } from './source-credentials.ts';

function basic(username: string): Credential {
  return { kind: 'basic', username, password: `${username}-secret` };
}

/** The credentials that these settings give for a repository. */
async function found(
  settings: Environment,
  repository: Repository,
  environment: Environment = {},
): Promise<readonly Credential[]> {
  const { sources } = await loadSettings({ environment: settings });
  return chain(await sourceCredentials(sources, { environment, observe: () => undefined }))(repository);
}

async function folderWith(files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await tempFolder();
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  return folder;
}

function dockerAuth(username: string): object {
  return { auth: Buffer.from(`${username}:${username}-secret`).toString('base64') };
}

const GCR = { host: 'us.gcr.io', path: 'team/app' };

describe('credentials for sources', () => {
  test('are none where no setting names any', async () => {
    expect(await found({}, GCR)).toEqual([]);
  });

  test('come from a folder of <registry>.json files', async () => {
    const authDir = await folderWith({ 'gcr.io.json': { username: 'ada', password: 'ada-secret' } });
    expect(await found({ SOURCES_AUTH_DIR: authDir }, GCR)).toEqual([basic('ada')]);
    expect(await found({ SOURCES_AUTH_DIR: authDir }, { host: 'evilgcr.io', path: 'a' })).toEqual([]);
  });

  test('come from a config.json of Docker', async () => {
    const folder = await folderWith({ 'config.json': { auths: { 'us.gcr.io/team': dockerAuth('bob') } } });
    const settings = { SOURCES_DOCKER_CONFIG: join(folder, 'config.json') };
    expect(await found(settings, GCR)).toEqual([basic('bob')]);
    expect(await found(settings, { host: 'us.gcr.io', path: 'other/app' })).toEqual([]);
  });

  test.each([
    ['are not asked of the helpers in it', 'false', []],
    ['are asked of the helpers in it where that is said', 'true', [basic('carol')]],
  ])('%s', async (_name, run, wanted) => {
    const folder = await folderWith({ 'config.json': { credHelpers: { 'us.gcr.io': 'test' } } });
    const output = JSON.stringify({ Username: 'carol', Secret: 'carol-secret' });
    const helper = await FakeProgram.write(folder, 'docker-credential-test', { output });
    const settings = { SOURCES_DOCKER_CONFIG: join(folder, 'config.json'), SOURCES_CREDENTIAL_HELPERS: run };
    expect(await found(settings, GCR, { PATH: folder })).toEqual(wanted);
    expect(await helper.calls()).toHaveLength(wanted.length);
  });

  test('come from plugins of the kubelet, by its own file', async () => {
    const binDir = await tempFolder();
    const config = join(binDir, 'config.yaml');
    await writeFile(
      config,
      [
        'apiVersion: kubelet.config.k8s.io/v1',
        'kind: CredentialProviderConfig',
        'providers:',
        '  - name: cloud',
        '    matchImages: ["*.gcr.io"]',
        '    defaultCacheDuration: 1h',
        '    apiVersion: credentialprovider.kubelet.k8s.io/v1',
        '    env: [{ name: REGION, value: here }]',
      ].join('\n'),
    );
    const auth = { 'us.gcr.io': { username: 'dave', password: 'dave-secret' } };
    const response = {
      kind: 'CredentialProviderResponse',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      cacheKeyType: 'Registry',
      auth,
    };
    const plugin = await FakeProgram.write(binDir, 'cloud', { output: JSON.stringify(response) });
    const settings = {
      SOURCES_CREDENTIAL_PROVIDERS_CONFIG: config,
      SOURCES_CREDENTIAL_PROVIDERS_BIN_DIR: binDir,
    };
    expect(await found(settings, GCR, { OURS: 'too' })).toEqual([basic('dave')]);
    expect((await plugin.calls())[0]?.env).toMatchObject({ REGION: 'here', OURS: 'too' });
  });

  test('of several places are tried in order: folder, Docker, plugins', async () => {
    const folder = await folderWith({
      'gcr.io.json': { username: 'ada', password: 'ada-secret' },
      'config.json': { auths: { 'us.gcr.io': dockerAuth('bob') } },
    });
    const dir = join(folder, 'files');
    await mkdir(dir);
    await writeFile(join(dir, 'gcr.io.json'), JSON.stringify({ username: 'ada', password: 'ada-secret' }));
    const settings = { SOURCES_AUTH_DIR: dir, SOURCES_DOCKER_CONFIG: join(folder, 'config.json') };
    expect(await found(settings, GCR)).toEqual([basic('ada'), basic('bob')]);
  });

  test.each([
    ['that is not there', undefined, 'cannot be read: ENOENT'],
    ['that is no YAML', '{', 'is not a configuration'],
    ['of another kind', 'kind: Pod', 'kind: wanted "CredentialProviderConfig"'],
  ])('a file of plugins %s stops the start, and is told', async (_name, text, said) => {
    const folder = await folderWith(text === undefined ? {} : { 'config.yaml': text });
    const settings = { SOURCES_CREDENTIAL_PROVIDERS_CONFIG: join(folder, 'config.yaml') };
    await expect(found(settings, GCR)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining(said),
    });
  });
});
