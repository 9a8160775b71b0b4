import { describe, expect, onTestFinished, test } from 'vitest';
import { FakeContainerd } from '../../test/fakes/containerd.ts';
import type { FakeTransfer } from '../../test/fakes/containerd-transfers.ts';
import { FakeOrigin } from '../../test/fakes/origin.ts';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import { loadSettings } from '../config/configuration.ts';
import type { Environment } from '../config/process-environment.ts';
import type { Platform } from '../image/platform.ts';
import { parseReference } from '../image/reference.ts';
import { type OpenedOrigin, openOrigins, originsOf } from './origins.ts';

const SOCKETS = { DOCKER_SOCKET: '/nowhere/docker.sock', CONTAINERD_SOCKET: '/nowhere/containerd.sock' };
const AGENTS = { AGENTS_ADDRESSES: 'agents.example.com:8443' };

async function open(
  environment: Environment,
  platforms: () => readonly Platform[] = () => [],
): Promise<readonly OpenedOrigin[]> {
  const settings = await loadSettings({ environment });
  return openOrigins({ settings, log: new RecordingLogger(), platforms });
}

async function namesOf(environment: Environment): Promise<readonly string[]> {
  const opened = await open(environment);
  await Promise.all(opened.map(({ close }) => close()));
  return opened.map(({ origin }) => origin.name);
}

describe('the origins that the settings name', () => {
  test.each<[string, Environment, readonly string[]]>([
    ['none by default', {}, []],
    [
      'daemons before agents, which are farther away',
      { ...AGENTS, ...SOCKETS },
      ['docker', 'containerd', 'agents'],
    ],
    ['agents alone', AGENTS, ['agents']],
    ['none where only registries are to be read', { ...AGENTS, ...SOCKETS, COPY_ENGINE: 'registry' }, []],
    [
      'the one that pulls first is asked like the others',
      { ...SOCKETS, COPY_ENGINE: 'docker' },
      ['docker', 'containerd'],
    ],
  ])('are %s', async (_what, environment, names) => {
    expect(await namesOf(environment)).toEqual(names);
  });

  test.each(['docker', 'containerd'])('are a fault where %s is to pull and has no socket', async (engine) => {
    await expect(open({ ...AGENTS, COPY_ENGINE: engine })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining(`copy.engine: is "${engine}", which wants a path in ${engine}.socket`),
    });
  });

  test('say with a code that a socket is not there', async () => {
    for (const { origin, close } of await open(SOCKETS)) {
      const finding = origin.find(parseReference('alpine'), AbortSignal.timeout(30_000));
      await expect(finding).rejects.toHaveProperty('code', 'UNREACHABLE');
      await close();
    }
  });
});

/** What the daemon is asked for. */
async function pulled(source: string, environment: Environment, platforms: () => readonly Platform[]) {
  const daemon = await FakeContainerd.start();
  onTestFinished(() => daemon.close());
  const transfers: FakeTransfer[] = [];
  daemon.transfers.perform = async (transfer) => void transfers.push(transfer);
  const opened = await open({ CONTAINERD_SOCKET: daemon.socket, ...environment }, platforms);
  for (const { origin, close } of opened) {
    await origin.pull?.(parseReference(source), {}, AbortSignal.timeout(30_000));
    await close();
  }
  return transfers;
}

describe('a pull through containerd', () => {
  const digest = `sha256:${'d'.repeat(64)}`;
  const amd64 = { os: 'linux', architecture: 'amd64', variant: '' };

  test('asks for the platforms of this moment, and goes by the usual hosts', async () => {
    const hosts = { hostDir: '/etc/containerd/certs.d' };
    expect(await pulled('alpine', { COPY_PLATFORMS: 'nodes' }, () => [amd64])).toMatchObject([
      { platforms: [amd64], ...hosts },
    ]);
  });

  test('of a digest asks for all of them: it is copied whole', async () => {
    expect(await pulled(`alpine@${digest}`, {}, () => [amd64])).toMatchObject([{ platforms: [] }]);
  });

  test('goes by the hosts that the settings name', async () => {
    expect(await pulled('alpine', { CONTAINERD_HOSTS_DIR: '/etc/hosts.d' }, () => [])).toMatchObject([
      { platforms: [], hostDir: '/etc/hosts.d' },
    ]);
  });
});

describe('what a copier knows of them', () => {
  const credential = { kind: 'basic', username: 'a', password: 'b' } as const;
  const opened = ['docker', 'agents'].map((name) => ({
    origin: new FakeOrigin({ name }),
    close: async () => undefined,
  }));
  const credentials = {
    source: async () => [],
    target: async () => [credential, { ...credential, username: 'c' }],
  };

  test('is nothing where there are none', () => {
    expect(originsOf([], 'auto', credentials)).toBeUndefined();
  });

  test.each([
    ['auto', undefined],
    ['docker', 'docker'],
    ['containerd', undefined],
  ] as const)('with the engine %s, %s pulls first', (engine, first) => {
    expect(originsOf(opened, engine, credentials)?.first?.name).toBe(first);
  });

  test('is one credential for each side, or none', async () => {
    const origins = originsOf(opened, 'auto', credentials);
    const reference = parseReference('alpine');
    expect(await origins?.credentialFor('target', reference)).toEqual(credential);
    expect(await origins?.credentialFor('source', reference)).toBeUndefined();
  });
});
