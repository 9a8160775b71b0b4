import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FakeProgram } from '../../test/fakes/fake-program.ts';
import { SecretMount } from '../../test/fakes/secret-mount.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import type { CredentialEvent } from './event.ts';
import { type BackupRegistry, RegistryAuth } from './registry-auth.ts';
import { REREAD_MS } from './snapshot.ts';

const BACKUP: BackupRegistry = { host: 'backup.io' };
const COPY = { host: 'backup.io', path: 'team/docker.io/library/alpine' };
const SOURCE = { host: 'docker.io', path: 'library/alpine' };
const ADA = { kind: 'basic', username: 'ada', password: 'pw' };

function auths(entries: Readonly<Record<string, string>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(entries).map(([key, username]) => [
      key,
      { auth: Buffer.from(`${username}:pw`).toString('base64') },
    ]),
  );
}

function dockerConfig(entries: Readonly<Record<string, string>>): string {
  return JSON.stringify({ auths: auths(entries) });
}

/** A mounted Secret, a clock, and what was observed. */
async function secretWith(keys: Readonly<Record<string, string>>) {
  const mount = new SecretMount(await tempFolder());
  const clock = { time: 0 };
  const events: CredentialEvent[] = [];
  const auth = new RegistryAuth({
    dir: mount.dir,
    now: () => clock.time,
    observe: (event) => events.push(event),
  });
  /** The next state, as seen when it is time to read again. */
  async function write(next: Readonly<Record<string, string>>): Promise<void> {
    await mount.write(next);
    clock.time += REREAD_MS;
  }
  await write(keys);
  return { auth, write, clock, events, dir: mount.dir, find: auth.findFor(BACKUP) };
}

describe('user name and password', () => {
  test('serve the backup registry, and it alone', async () => {
    const { find } = await secretWith({ username: 'ada', password: 'pw' });
    expect(await find(COPY)).toEqual([ADA]);
    expect(await find(SOURCE)).toEqual([]);
    for (const host of ['backup.io:5000', 'eu.backup.io', 'evilbackup.io', 'backup.io.evil.com', ''])
      expect(await find({ host, path: COPY.path })).toEqual([]);
  });

  test.each([
    ['team', ['team', 'team/app', 'team/a/b'], ['team-b/app', 'teams', 'other/team', '']],
    ['team/backup', ['team/backup/app'], ['team', 'team/app', 'team/backups/app']],
  ])(
    'serve what lies under the path %j of the backup registry, where one is given',
    async (path, within, without) => {
      const { auth } = await secretWith({ username: 'ada', password: 'pw' });
      const find = auth.findFor({ host: 'backup.io', path });
      for (const inside of within) expect(await find({ host: 'backup.io', path: inside })).toEqual([ADA]);
      for (const outside of without) expect(await find({ host: 'backup.io', path: outside })).toEqual([]);
    },
  );

  test.each(['pw\n', 'pw\r\n', 'pw\n\n'])(
    'lose the line end that %j has from an editor',
    async (password) => {
      const { find } = await secretWith({ username: 'ada\n', password });
      expect(await find(COPY)).toEqual([ADA]);
    },
  );

  test('keep every other character', async () => {
    const password = ' \tp:w\nsecond line ';
    const { find } = await secretWith({ username: 'robot$team+push', password: `${password}\n` });
    expect(await find(COPY)).toEqual([{ kind: 'basic', username: 'robot$team+push', password }]);
  });

  test('may be an identity token', async () => {
    const { auth, find } = await secretWith({ username: '<token>', password: 'refresh' });
    expect(await find(COPY)).toEqual([{ kind: 'identity-token', token: 'refresh' }]);
    expect(await auth.user('backup.io')).toBeUndefined();
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['no keys', {}],
    ['keys of others', { 'tls.crt': 'x' }],
    ['empty keys', { username: '', password: '' }],
    ['keys with nothing but a line end', { username: '\n', password: '\n' }],
  ])('%s mean anonymous', async (_what, keys) => {
    const { auth, find } = await secretWith(keys);
    expect(await find(COPY)).toEqual([]);
    expect(await auth.user('backup.io')).toBeUndefined();
  });

  test('a missing folder means anonymous', async () => {
    const auth = new RegistryAuth({ dir: join(await tempFolder(), 'missing') });
    expect(await auth.findFor(BACKUP)(COPY)).toEqual([]);
    expect(await auth.user()).toBeUndefined();
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['no password', { username: 'canary' }],
    ['no user name', { password: 'canary' }],
    ['an empty password', { username: 'canary', password: '\n' }],
  ])('with %s are refused, for the backup registry alone', async (_what, keys) => {
    const { dir, find } = await secretWith(keys);
    const error = await find(COPY).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CREDENTIAL_BROKEN', place: dir });
    expect(String(error)).toContain('wanted both "username" and "password", or neither');
    expect(String(error)).not.toContain('canary');
    expect(await find(SOURCE)).toEqual([]);
  });
});

describe("Docker's files", () => {
  test.each([
    ['.dockerconfigjson', dockerConfig({ 'backup.io': 'ada', 'https://index.docker.io/v1/': 'bob' })],
    ['config.json', dockerConfig({ 'https://backup.io/v2/': 'ada', 'docker.io': 'bob' })],
    ['.dockercfg', JSON.stringify(auths({ 'backup.io': 'ada', 'index.docker.io': 'bob' }))],
  ])('%s serves whatever its keys say, sources too', async (name, text) => {
    const { find } = await secretWith({ [name]: text });
    expect(await find(COPY)).toEqual([ADA]);
    expect(await find(SOURCE)).toMatchObject([{ username: 'bob' }]);
    expect(await find({ host: 'third.io', path: 'app' })).toEqual([]);
  });

  test('come after user name and password, in a fixed order, each credential once', async () => {
    const { find } = await secretWith({
      username: 'ada',
      password: 'pw',
      '.dockerconfigjson': dockerConfig({ 'backup.io/team': 'bob', 'backup.io': 'ada' }),
      'config.json': dockerConfig({ 'backup.io': 'eve' }),
      '.dockercfg': JSON.stringify(auths({ 'backup.io': 'dan' })),
    });
    expect(await find(COPY)).toMatchObject(['ada', 'bob', 'eve', 'dan'].map((username) => ({ username })));
  });

  test('that are broken are passed over where something else serves the repository', async () => {
    const { find, events } = await secretWith({ username: 'ada', password: 'pw', '.dockerconfigjson': '{' });
    expect(await find(COPY)).toEqual([ADA]);
    expect(events).toMatchObject([{ type: 'passed-over', error: { code: 'CREDENTIAL_BROKEN' } }]);
    await expect(find(SOURCE)).rejects.toThrow('.dockerconfigjson');
  });

  test('never make us run a credential helper', async () => {
    const folder = await tempFolder();
    const helper = await FakeProgram.write(folder, 'docker-credential-vault', {
      output: '{"Username":"x","Secret":"y"}',
    });
    const config = { credsStore: 'vault', credHelpers: { 'backup.io': 'vault' }, auths: { 'backup.io': {} } };
    const { find } = await secretWith({ 'config.json': JSON.stringify(config) });
    expect(await find(COPY)).toEqual([]);
    expect(await helper.calls()).toEqual([]);
  });
});

describe('user()', () => {
  test.each<[string, Readonly<Record<string, string>>, string | undefined]>([
    ['the key', { username: 'ada\n', password: 'pw' }, 'ada'],
    [
      'the key before a file',
      { username: 'ada', password: 'pw', 'config.json': dockerConfig({ 'backup.io': 'bob' }) },
      'ada',
    ],
    [
      'a file, for the backup registry',
      { 'config.json': dockerConfig({ 'backup.io': 'bob', 'docker.io': 'eve' }) },
      'bob',
    ],
    ['no file with an empty user name', { 'config.json': dockerConfig({ 'backup.io': '' }) }, undefined],
    ['no file for another registry', { 'config.json': dockerConfig({ 'docker.io': 'eve' }) }, undefined],
    [
      'no file for a part of the registry',
      { 'config.json': dockerConfig({ 'backup.io/team': 'eve' }) },
      undefined,
    ],
    [
      'no file without a user name',
      { 'config.json': JSON.stringify({ auths: { 'backup.io': { registrytoken: 't' } } }) },
      undefined,
    ],
  ])('comes from %s', async (_what, keys, expected) => {
    const { auth } = await secretWith(keys);
    expect(await auth.user('backup.io')).toBe(expected);
  });

  test('is that of Docker Hub where no host is given', async () => {
    const { auth } = await secretWith({
      'config.json': dockerConfig({ 'https://index.docker.io/v1/': 'eve' }),
    });
    expect(await auth.user()).toBe('eve');
  });
});

describe('when the Secret changes', () => {
  test('the next state counts after some seconds, without anything being watched', async () => {
    const { auth, find, write, clock } = await secretWith({ username: 'ada', password: 'pw' });
    expect(await find(COPY)).toEqual([ADA]);
    await write({ username: 'bob', password: 'other' });
    expect(await find(COPY)).toEqual([{ kind: 'basic', username: 'bob', password: 'other' }]);
    expect(await auth.user('backup.io')).toBe('bob');
    await write({ '.dockerconfigjson': dockerConfig({ 'backup.io': 'eve' }) });
    expect(await find(COPY)).toMatchObject([{ username: 'eve' }]);
    await write({});
    expect(await find(COPY)).toEqual([]);
    expect(clock.time).toBe(4 * REREAD_MS);
  });

  test('within these seconds the folder is not read again', async () => {
    const { find, write, clock } = await secretWith({ username: 'ada', password: 'pw' });
    await find(COPY);
    await write({ username: 'bob', password: 'pw' });
    clock.time -= 1;
    expect(await find(COPY)).toEqual([ADA]);
    clock.time += 1;
    expect(await find(COPY)).toMatchObject([{ username: 'bob' }]);
  });

  test('a half-written state leaves the former one in use, and is told of', async () => {
    const { auth, find, write, events } = await secretWith({ username: 'ada', password: 'pw' });
    await find(COPY);
    await write({ username: 'bob' });
    expect(await find(COPY)).toEqual([ADA]);
    expect(await auth.user('backup.io')).toBe('ada');
    expect(events).toMatchObject([{ type: 'kept', error: { code: 'CREDENTIAL_BROKEN' } }]);
    await write({ username: 'bob', password: 'pw' });
    expect(await find(COPY)).toMatchObject([{ username: 'bob' }]);
  });

  test('a file that cannot be read leaves the former state in use', async () => {
    const dir = await tempFolder();
    await writeFile(join(dir, 'username'), 'ada');
    await writeFile(join(dir, 'password'), 'pw');
    let time = 0;
    const events: CredentialEvent[] = [];
    const auth = new RegistryAuth({ dir, now: () => time, observe: (event) => events.push(event) });
    const find = auth.findFor(BACKUP);
    await find(COPY);
    await rm(join(dir, 'password'));
    await symlink('password', join(dir, 'password'));
    time = REREAD_MS;
    expect(await find(COPY)).toEqual([ADA]);
    expect(events).toMatchObject([{ type: 'kept', error: { cause: { code: 'ELOOP' } } }]);
  });
});
