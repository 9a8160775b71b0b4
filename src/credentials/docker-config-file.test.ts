import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FakeProgram, type ProgramAnswer } from '../../test/fakes/fake-program.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { parseDockercfg } from './docker-config.ts';
import { type DockerConfigFileOptions, dockerConfigFile } from './docker-config-file.ts';
import type { CredentialEvent } from './event.ts';
import { REREAD_MS } from './snapshot.ts';

const REPOSITORY = { host: 'reg.io', path: 'team/app' };

function entry(username: string): object {
  return { auth: Buffer.from(`${username}:pw`).toString('base64') };
}

/** A file of Docker's, a clock, and what was observed. */
async function fileWith(content: unknown, options: Partial<DockerConfigFileOptions> = {}) {
  const path = join(await tempFolder(), 'config.json');
  const clock = { time: 0 };
  const events: CredentialEvent[] = [];
  async function write(value: unknown): Promise<void> {
    await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
    clock.time += REREAD_MS;
  }
  if (content !== undefined) await write(content);
  const find = dockerConfigFile({
    path,
    now: () => clock.time,
    observe: (event) => events.push(event),
    ...options,
  });
  return { path, write, events, find };
}

describe('the file', () => {
  test('gives the credentials that match, most specific first', async () => {
    const { find } = await fileWith({
      auths: { 'reg.io': entry('ada'), 'reg.io/team': entry('bob'), 'x.io': entry('eve') },
    });
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'bob' }, { username: 'ada' }]);
  });

  test('is anonymous while it is not there', async () => {
    const { find, write } = await fileWith(undefined);
    expect(await find(REPOSITORY)).toEqual([]);
    await write({ auths: { 'reg.io': entry('ada') } });
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'ada' }]);
  });

  test('is read again when it has changed', async () => {
    const { find, write } = await fileWith({ auths: { 'reg.io': entry('ada') } });
    await find(REPOSITORY);
    await write({ auths: { 'reg.io': entry('bob') } });
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'bob' }]);
  });

  test('counts as it last was while it is half written', async () => {
    const { find, write, events } = await fileWith({ auths: { 'reg.io': entry('ada') } });
    await find(REPOSITORY);
    await write('{"auths":{"reg.io":{"au');
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'ada' }]);
    expect(events).toMatchObject([{ type: 'kept', error: { code: 'CREDENTIAL_BROKEN' } }]);
  });

  test('is refused when it has never been readable', async () => {
    const { find, path } = await fileWith('{');
    await expect(find(REPOSITORY)).rejects.toMatchObject({ code: 'CREDENTIAL_BROKEN', place: path });
  });

  test('rejects for a repository whose only entry is broken, and for no other', async () => {
    const { find } = await fileWith({ auths: { 'reg.io': { auth: '!' } } });
    await expect(find(REPOSITORY)).rejects.toThrow('entry reg.io');
    expect(await find({ host: 'other.io', path: 'app' })).toEqual([]);
  });

  test('passes over a broken entry where another one matches, and tells of it once', async () => {
    const { find, events } = await fileWith({
      auths: { 'reg.io/team': { auth: '!' }, 'reg.io': entry('ada') },
    });
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'ada' }]);
    await find(REPOSITORY);
    expect(events).toMatchObject([{ type: 'passed-over' }]);
  });

  test('may have the form before Docker 1.7', async () => {
    const { find } = await fileWith({ 'https://reg.io/v1/': entry('ada') }, { parse: parseDockercfg });
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'ada' }]);
  });
});

/** A file that may run two helpers, `vault` and `store`, which both answer the same. */
async function helped(config: object, answer: ProgramAnswer) {
  const folder = await tempFolder();
  const vault = await FakeProgram.write(folder, 'docker-credential-vault', answer);
  const store = await FakeProgram.write(folder, 'docker-credential-store', answer);
  return { vault, store, ...(await fileWith(config, { helpers: { environment: { PATH: folder } } })) };
}

describe('credential helpers', () => {
  const ANSWER = { output: '{"Username":"ada","Secret":"pw"}' };
  const NOT_FOUND = { output: 'credentials not found in native keychain', status: 1 };

  test('are not run unless that is wanted: a mounted Secret must not decide what is executed', async () => {
    const folder = await tempFolder();
    const vault = await FakeProgram.write(folder, 'docker-credential-vault', ANSWER);
    const { find } = await fileWith({ credsStore: 'vault', auths: { 'reg.io': entry('bob') } });
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'bob' }]);
    expect(await vault.calls()).toEqual([]);
  });

  test('the one for the host comes before the store, and before the entries', async () => {
    const config = {
      credHelpers: { 'reg.io': 'vault' },
      credsStore: 'store',
      auths: { 'reg.io': entry('bob') },
    };
    const { find, vault, store } = await helped(config, ANSWER);
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'ada' }, { username: 'bob' }]);
    expect(await vault.calls()).toHaveLength(1);
    expect(await store.calls()).toEqual([]);
  });

  test('the store serves every other host, by its name', async () => {
    const { find, store } = await helped({ credHelpers: { 'reg.io': 'vault' }, credsStore: 'store' }, ANSWER);
    expect(await find({ host: 'other.io:5000', path: 'app' })).toMatchObject([{ username: 'ada' }]);
    expect(await find({ host: 'docker.io', path: 'library/alpine' })).toMatchObject([{ username: 'ada' }]);
    expect((await store.calls()).map(({ input }) => input)).toEqual([
      'other.io:5000',
      'https://index.docker.io/v1/',
    ]);
  });

  test('an empty name takes a host from the store', async () => {
    const { find, store } = await helped({ credHelpers: { 'reg.io': '' }, credsStore: 'store' }, ANSWER);
    expect(await find(REPOSITORY)).toEqual([]);
    expect(await store.calls()).toEqual([]);
  });

  test('what they do not have the entries may have', async () => {
    const { find } = await helped({ credsStore: 'store', auths: { 'reg.io': entry('bob') } }, NOT_FOUND);
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'bob' }]);
    expect(await find({ host: 'other.io', path: 'app' })).toEqual([]);
  });

  test('one that fails is passed over for an entry, and rejects without one', async () => {
    const { find, events } = await helped(
      { credsStore: 'store', auths: { 'reg.io': entry('bob') } },
      { status: 9 },
    );
    expect(await find(REPOSITORY)).toMatchObject([{ username: 'bob' }]);
    expect(events).toMatchObject([{ type: 'passed-over', error: { place: 'docker-credential-store' } }]);
    await expect(find({ host: 'other.io', path: 'app' })).rejects.toThrow('wanted exit status 0, got 9');
  });
});
