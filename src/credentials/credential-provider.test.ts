import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FakeProgram, type ProgramAnswer } from '../../test/fakes/fake-program.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { type CredentialProviderOptions, credentialProviders } from './credential-provider.ts';
import type { CredentialProviderConfig } from './credential-provider-config.ts';
import type { CredentialEvent } from './event.ts';

const APP = { host: 'eu.reg.io', path: 'team/app' };

function config(fields: Partial<CredentialProviderConfig> = {}): CredentialProviderConfig {
  return {
    name: 'plugin',
    matchImages: ['*.reg.io'],
    defaultCacheMs: 60_000,
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    args: [],
    env: {},
    ...fields,
  };
}

/** A successful answer with a user name for each pattern. */
function answer(auth: Record<string, string>, fields: object = {}): ProgramAnswer {
  const entries = Object.entries(auth).map(([key, username]) => [key, { username, password: 'pw' }]);
  const response = {
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    kind: 'CredentialProviderResponse',
    cacheKeyType: 'Registry',
    auth: Object.fromEntries(entries),
    ...fields,
  };
  return { output: JSON.stringify(response) };
}

/** Plugins with their answers, a clock, and what was observed. */
async function pluginsWith(
  plugins: readonly [CredentialProviderConfig, ProgramAnswer][],
  options: Partial<CredentialProviderOptions> = {},
) {
  const binDir = await tempFolder();
  const clock = { time: 0 };
  const events: CredentialEvent[] = [];
  const programs = await Promise.all(
    plugins.map(([{ name }, said]) => FakeProgram.write(binDir, name, said)),
  );
  const find = credentialProviders({
    providers: plugins.map(([provider]) => provider),
    binDir,
    environment: { REGION: 'eu', SHADOWED: 'ours' },
    now: () => clock.time,
    observe: (event) => events.push(event),
    ...options,
  });
  async function calls(index = 0): Promise<number> {
    return (await programs[index]?.calls())?.length ?? 0;
  }
  return { find, calls, clock, events, program: programs[0], programs };
}

describe('the request', () => {
  test('is one object on the input, for the repository without tag', async () => {
    const provider = config({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1',
      args: ['get', '--x=$HOME'],
      env: { SHADOWED: 'theirs' },
    });
    const { find, program } = await pluginsWith([[provider, answer({ '*.reg.io': 'ada' })]]);
    await find(APP);
    const [call] = (await program?.calls()) ?? [];
    expect(JSON.parse(call?.input ?? '')).toEqual({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1',
      kind: 'CredentialProviderRequest',
      image: 'eu.reg.io/team/app',
    });
    expect(call).toMatchObject({ args: ['get', '--x=$HOME'], env: { REGION: 'eu', SHADOWED: 'theirs' } });
  });

  test('goes only to plugins whose patterns match', async () => {
    const { find, calls } = await pluginsWith([
      [config({ name: 'one', matchImages: ['other.io', '*.reg.io/team'] }), answer({ '*.reg.io': 'one' })],
      [
        config({ name: 'two', matchImages: ['reg.io', '*.reg.io:5000', 'not a pattern'] }),
        answer({ '*.reg.io': 'two' }),
      ],
    ]);
    expect(await find(APP)).toMatchObject([{ username: 'one' }]);
    expect(await find({ host: 'evilreg.io', path: 'team/app' })).toEqual([]);
    expect([await calls(0), await calls(1)]).toEqual([1, 0]);
  });
});

describe('the answer', () => {
  test('serves the repositories its patterns match, most specific first', async () => {
    const { find } = await pluginsWith([
      [
        config(),
        answer({ '*.reg.io': 'all', 'eu.reg.io': 'eu', 'eu.reg.io/team': 'team', 'us.reg.io': 'us' }),
      ],
    ]);
    expect(await find(APP)).toMatchObject([{ username: 'team' }, { username: 'eu' }, { username: 'all' }]);
  });

  test('never serves another registry than its patterns say, whoever was asked about', async () => {
    const { find } = await pluginsWith([[config(), answer({ 'us.reg.io': 'us', 'evil.com': 'evil' })]]);
    expect(await find(APP)).toEqual([]);
  });

  test('of several plugins makes up one keyring, in which earlier ones come first', async () => {
    const { find } = await pluginsWith([
      [config({ name: 'one' }), answer({ '*.reg.io': 'one', 'eu.reg.io/team': 'one-team' })],
      [config({ name: 'two' }), answer({ 'eu.reg.io': 'two-eu', '*.reg.io': 'two' })],
    ]);
    expect(await find(APP)).toMatchObject([
      { username: 'one-team' },
      { username: 'two-eu' },
      { username: 'one' },
      { username: 'two' },
    ]);
  });

  test('may be in an older version of the protocol', async () => {
    const apiVersion = 'credentialprovider.kubelet.k8s.io/v1beta1';
    const { find } = await pluginsWith([[config(), answer({ '*.reg.io': 'ada' }, { apiVersion })]]);
    expect(await find(APP)).toMatchObject([{ username: 'ada' }]);
  });

  test('without credentials is anonymous', async () => {
    const { find } = await pluginsWith([[config(), answer({}, { auth: null })]]);
    expect(await find(APP)).toEqual([]);
  });
});

describe('what is cached', () => {
  const OTHER_IMAGE = { host: 'eu.reg.io', path: 'team/other' };
  const OTHER_REGISTRY = { host: 'us.reg.io', path: 'team/app' };

  test.each([
    ['Image', 3],
    ['Registry', 2],
    ['Global', 1],
  ])('is by %s: three images of two registries ask %i times', async (cacheKeyType, expected) => {
    const { find, calls } = await pluginsWith([[config(), answer({ '*.reg.io': 'ada' }, { cacheKeyType })]]);
    for (const repository of [APP, OTHER_IMAGE, OTHER_REGISTRY, APP, OTHER_IMAGE, OTHER_REGISTRY])
      expect(await find(repository)).toMatchObject([{ username: 'ada' }]);
    expect(await calls()).toBe(expected);
  });

  test.each([
    ['as long as the plugin says', { cacheDuration: '10s' }, 10_000],
    ['as long as the configuration says where the plugin does not', {}, 60_000],
  ])('is kept %s', async (_what, fields, holdMs) => {
    const { find, calls, clock } = await pluginsWith([[config(), answer({ '*.reg.io': 'ada' }, fields)]]);
    await find(APP);
    clock.time = holdMs - 1;
    await find(APP);
    expect(await calls()).toBe(1);
    clock.time = holdMs;
    await find(APP);
    expect(await calls()).toBe(2);
  });

  test('serves no more than the requests of one copy where nothing is to be cached', async () => {
    const { find, calls, clock } = await pluginsWith([
      [config(), answer({ '*.reg.io': 'ada' }, { cacheKeyType: 'Global', cacheDuration: '0s' })],
    ]);
    await find(APP);
    await find(APP);
    expect(await calls()).toBe(1);
    await find(OTHER_IMAGE);
    expect(await calls()).toBe(2);
    clock.time = 5000;
    await find(APP);
    expect(await calls()).toBe(3);
  });

  test('a plugin is started once for all who ask about the same image', async () => {
    const { find, calls } = await pluginsWith([
      [config(), answer({ '*.reg.io': 'ada' }, { cacheKeyType: 'Image' })],
    ]);
    await Promise.all([find(APP), find(APP), find(APP)]);
    expect(await calls()).toBe(1);
  });

  test('answers of one plugin are not those of another', async () => {
    const { find, calls } = await pluginsWith([
      [
        config({ name: 'one', matchImages: ['eu.reg.io'] }),
        answer({ '*.reg.io': 'one' }, { cacheKeyType: 'Global' }),
      ],
      [
        config({ name: 'two', matchImages: ['us.reg.io'] }),
        answer({ '*.reg.io': 'two' }, { cacheKeyType: 'Global' }),
      ],
    ]);
    expect(await find(APP)).toMatchObject([{ username: 'one' }]);
    expect(await find(OTHER_REGISTRY)).toMatchObject([{ username: 'two' }]);
    expect([await calls(0), await calls(1)]).toEqual([1, 1]);
  });
});

describe('a plugin that fails', () => {
  test.each<[string, ProgramAnswer, string]>([
    ['with a status', { output: 'canary', status: 1 }, 'wanted exit status 0, got 1'],
    ['by saying nothing', {}, 'wanted a JSON object'],
    ['by garbling', { output: '{"auth":{"*.reg.io":{"password":"canary' }, 'wanted a JSON object'],
    [
      'by an unknown cache key type',
      answer({ '*.reg.io': 'canary' }, { cacheKeyType: 'canary' }),
      '"cacheKeyType"',
    ],
    ['by being killed', { output: 'canary', hangs: true, signal: 'SIGKILL' }, 'the program was killed'],
    ['by hanging', { output: 'canary', hangs: true }, 'no answer within 400 ms'],
  ])('%s, rejects where nothing else serves the image, and is not quoted', async (_what, said, why) => {
    const hangs = said.hangs === true && said.signal === undefined;
    const { find, program } = await pluginsWith([[config(), said]], hangs ? { timeoutMs: 400 } : {});
    const error = await find(APP).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CREDENTIAL_BROKEN', place: program?.path });
    expect(String(error)).toContain(why);
    expect(String(error)).not.toContain('canary');
  });

  test('is passed over where another one serves the image', async () => {
    const { find, events } = await pluginsWith([
      [config({ name: 'one' }), { status: 1 }],
      [config({ name: 'two' }), answer({ '*.reg.io': 'two' })],
    ]);
    expect(await find(APP)).toMatchObject([{ username: 'two' }]);
    expect(await find(APP)).toMatchObject([{ username: 'two' }]);
    expect(events).toMatchObject([{ type: 'passed-over', error: { code: 'CREDENTIAL_BROKEN' } }]);
  });

  test('is not started again for five seconds, for that image', async () => {
    const { find, calls, clock, program } = await pluginsWith([[config(), { status: 1 }]]);
    await expect(find(APP)).rejects.toThrow('status');
    await program?.answer(answer({ '*.reg.io': 'ada' }));
    clock.time = 4999;
    await expect(find(APP)).rejects.toThrow('status');
    expect(await calls()).toBe(1);
    clock.time = 5000;
    expect(await find(APP)).toMatchObject([{ username: 'ada' }]);
  });

  test('by not being there is named with its path', async () => {
    const binDir = join(await tempFolder(), 'plugins');
    await mkdir(binDir);
    const find = credentialProviders({ providers: [config()], binDir, environment: {} });
    await expect(find(APP)).rejects.toMatchObject({
      place: join(binDir, 'plugin'),
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
    expect(await find({ host: 'other.io', path: 'app' })).toEqual([]);
  });
});
