import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { FakeProgram } from '../../test/fakes/fake-program.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { chain } from './chain.ts';
import type { Credential } from './credential.ts';
import { credentialProviders } from './credential-provider.ts';
import { dockerConfigFile } from './docker-config-file.ts';
import type { CredentialEvent } from './event.ts';
import { RegistryAuth } from './registry-auth.ts';
import { registryFolder } from './registry-folder.ts';
import { REREAD_MS } from './snapshot.ts';

/** Looks like a secret in each of the forms it may be met in. */
const CANARY = 'canary-5d41402abc';
const FORMS = [
  CANARY,
  Buffer.from(CANARY).toString('base64').slice(0, 16),
  Buffer.from(`u:${CANARY}`).toString('base64').slice(0, 16),
];

const REPOSITORY = { host: 'reg.io', path: 'team/app' };

/** One secret in every place there is. @param text of each file and of each answer */
async function everySource(text: string) {
  const root = await tempFolder();
  const [auth, folder, bin] = [join(root, 'auth'), join(root, 'folder'), join(root, 'bin')];
  for (const dir of [auth, folder, bin]) await mkdir(dir);
  async function write(content: string): Promise<void> {
    for (const name of ['password', '.dockerconfigjson', '.dockercfg'])
      await writeFile(join(auth, name), content);
    await writeFile(join(folder, 'reg.io.json'), content);
    await writeFile(join(root, 'config.json'), content);
  }
  await write(text);
  const answer = { output: text, status: text.startsWith('{') ? 0 : 1 };
  await FakeProgram.write(bin, 'plugin', answer);
  await FakeProgram.write(bin, 'docker-credential-vault', answer);
  await writeFile(join(root, 'helped.json'), JSON.stringify({ credsStore: 'vault' }));
  const clock = { time: 0 };
  const events: CredentialEvent[] = [];
  const common = { now: () => clock.time, observe: (event: CredentialEvent) => void events.push(event) };
  const environment = { PATH: bin, TOKEN: CANARY };
  const sources = [
    new RegistryAuth({ dir: auth, ...common }).findFor({ host: 'reg.io' }),
    dockerConfigFile({ path: join(root, 'config.json'), ...common }),
    dockerConfigFile({ path: join(root, 'helped.json'), helpers: { environment }, ...common }),
    registryFolder({ dir: folder, ...common }),
    credentialProviders({
      providers: [
        {
          name: 'plugin',
          matchImages: ['reg.io'],
          defaultCacheMs: 0,
          apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
          args: [],
          env: { TOKEN: CANARY },
        },
      ],
      binDir: bin,
      environment,
      ...common,
    }),
  ];
  return { sources, common, events, clock, write };
}

async function findOther(): Promise<readonly Credential[]> {
  return [{ kind: 'registry-token', token: 'other' }];
}

/** Everything a logger could get out of a value. */
function shown(value: unknown): string {
  const plain = JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Error
      ? Object.fromEntries(Object.getOwnPropertyNames(part).map((name) => [name, Reflect.get(part, name)]))
      : part,
  );
  return `${inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity })}${plain}`;
}

describe('no error and no event shows a secret', () => {
  test.each([
    ['text that is no JSON', CANARY],
    ['half an object', `{"auths":{"reg.io":{"auth":"${CANARY}`],
    ['a syntax error beside it', `{"password":"${CANARY}",}`],
    [
      'fields of a wrong type',
      JSON.stringify({
        username: [CANARY],
        password: { [CANARY]: CANARY },
        Username: 1,
        Secret: CANARY,
        auths: [CANARY],
        kind: CANARY,
      }),
    ],
    ['an entry of a wrong type', JSON.stringify({ auths: { 'reg.io': CANARY }, 'reg.io': CANARY })],
    ['no base64', JSON.stringify({ auths: { 'reg.io': { auth: CANARY } }, 'reg.io': { auth: CANARY } })],
    [
      'base64 without a colon',
      JSON.stringify({ auths: { 'reg.io': { auth: Buffer.from(CANARY).toString('base64') } } }),
    ],
    [
      'user information in a key',
      JSON.stringify({ auths: { [`https://u:${CANARY}@reg.io`]: { auth: '!' } }, [`u:${CANARY}@reg.io`]: 1 }),
    ],
    ['a token with a line end', JSON.stringify({ auths: { 'reg.io': { registrytoken: `${CANARY}\n` } } })],
    ['a wrong duration', JSON.stringify({ username: CANARY, password: CANARY, duration: CANARY })],
    [
      'a wrong cache duration',
      JSON.stringify({
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        kind: 'CredentialProviderResponse',
        cacheKeyType: 'Image',
        cacheDuration: CANARY,
      }),
    ],
  ])('for %s', async (_what, text) => {
    const { sources, common, events } = await everySource(text);
    const settled = await Promise.allSettled(sources.map((find) => find(REPOSITORY)));
    const errors = settled.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(errors.length).toBeGreaterThan(0);
    await chain([...sources, findOther], common.observe)(REPOSITORY);
    expect(events.length).toBeGreaterThan(0);
    for (const form of FORMS) {
      expect(shown(errors)).not.toContain(form);
      expect(shown(events)).not.toContain(form);
    }
  });

  test('for good files that break later', async () => {
    const good = JSON.stringify({
      username: 'u',
      password: CANARY,
      auths: { 'reg.io': { username: 'u', password: CANARY } },
      'reg.io': { username: 'u', password: CANARY },
    });
    const { sources, events, clock, write } = await everySource(good);
    await Promise.allSettled(sources.map((find) => find(REPOSITORY)));
    await write(`{"password":"${CANARY}`);
    clock.time = REREAD_MS;
    await Promise.allSettled(sources.map((find) => find(REPOSITORY)));
    expect(events.filter(({ type }) => type === 'kept')).not.toEqual([]);
    for (const form of FORMS) expect(shown(events)).not.toContain(form);
  });

  test('and this test would see one', () => {
    expect(shown([new Error('x', { cause: new Error(CANARY) })])).toContain(CANARY);
    expect(shown({ error: Object.assign(new Error('x'), { held: { deep: [CANARY] } }) })).toContain(CANARY);
  });
});
