import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretMount } from '../../test/fakes/secret-mount.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import type { CredentialEvent } from './event.ts';
import { registryFolder } from './registry-folder.ts';
import { REREAD_MS } from './snapshot.ts';

function content(username: string, fields: object = {}): string {
  return JSON.stringify({ username, password: 'pw', ...fields });
}

/** A folder in which each file holds its own name as the user name, a clock, and what was observed. */
async function folderWith(...names: readonly string[]) {
  const dir = await tempFolder();
  const clock = { time: 0 };
  const events: CredentialEvent[] = [];
  const find = registryFolder({ dir, now: () => clock.time, observe: (event) => events.push(event) });
  async function write(name: string, text: string): Promise<void> {
    await writeFile(join(dir, name), text);
  }
  async function users(host: string): Promise<unknown[]> {
    const credentials = await find({ host, path: 'team/app' });
    return credentials.map((credential) => ('username' in credential ? credential.username : credential));
  }
  for (const name of names) await write(name, content(name));
  return { dir, write, users, find, clock, events };
}

describe('which file serves a host', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['gcr.io', ['gcr.io.json'], ['gcr.io.json']],
    ['us.gcr.io', ['gcr.io.json'], ['gcr.io.json']],
    ['a.b.gcr.io', ['gcr.io.json'], ['gcr.io.json']],
    ['us.gcr.io', ['gcr.io.json', 'us.gcr.io.json'], ['us.gcr.io.json']],
    ['us.gcr.io', ['eu.gcr.io.json', 'gcr.io.json'], ['gcr.io.json']],
    ['gcr.io', ['us.gcr.io.json'], []],
    ['evilgcr.io', ['gcr.io.json'], []],
    ['gcr.io.evil.com', ['gcr.io.json'], []],
    ['gcr.iox', ['gcr.io.json'], []],
    ['gcr.io', ['GCR.io.JSON'], ['GCR.io.JSON']],
    // A whole top-level domain, or every host of a cluster, is never meant.
    ['gcr.io', ['io.json'], []],
    ['registry.local', ['local.json'], []],
    ['registry', ['registry.json'], ['registry.json']],
    ['localhost', ['localhost.json'], ['localhost.json']],
    // Addresses have no domain.
    ['10.1.2.3', ['2.3.json', '1.2.3.json'], []],
    ['10.1.2.3', ['10.1.2.3.json'], ['10.1.2.3.json']],
    // A port is another server.
    ['reg.io:5000', ['reg.io.json'], []],
    ['reg.io', ['reg.io_5000.json'], []],
    ['reg.io:5000', ['reg.io_5000.json'], ['reg.io_5000.json']],
    ['eu.reg.io:5000', ['reg.io_5000.json'], ['reg.io_5000.json']],
    ['reg.io:5000', ['reg.io:5000.json'], ['reg.io:5000.json']],
    ['reg.io:5000', ['reg.io_500.json'], []],
    ['localhost:5000', ['localhost_5000.json'], ['localhost_5000.json']],
    ['[::1]:5000', ['[::1]_5000.json'], ['[::1]_5000.json']],
    // Docker Hub by any of its names.
    ['docker.io', ['docker.io.json'], ['docker.io.json']],
    ['docker.io', ['index.docker.io.json'], ['index.docker.io.json']],
    ['docker.io', ['registry-1.docker.io.json'], ['registry-1.docker.io.json']],
    // What is no credentials file.
    ['gcr.io', ['gcr.io', 'gcr.io.yaml', 'gcr.io.json~', '.gcr.io.json', '.json'], []],
    ['gcr.io', [], []],
  ])('%s with %j: %j', async (host, names, expected) => {
    const { users } = await folderWith(...names);
    expect(await users(host)).toEqual(expected);
  });

  test('the host of an image never leads out of the folder', async () => {
    const { dir, find } = await folderWith();
    await mkdir(join(dir, 'inner'));
    await writeFile(join(dir, 'reg.io.json'), content('outside'));
    const inner = registryFolder({ dir: join(dir, 'inner') });
    for (const host of ['../reg.io', '..%2freg.io', '/etc/passwd', '.', '..', '', '\0', '*', '*.io'])
      expect(await inner({ host, path: 'app' })).toEqual([]);
    expect(await find({ host: 'reg.io', path: '../../app' })).toMatchObject([{ username: 'outside' }]);
  });

  test('a file never serves a host that does not end in its name', async () => {
    const { users } = await folderWith('gcr.io.json');
    const label = fc.stringMatching(/^[a-z0-9]{1,6}$/);
    const host = fc.array(fc.oneof(label, fc.constantFrom('gcr', 'io', 'evilgcr')), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(
        host.map((labels) => labels.join('.')),
        async (name) => {
          const served = (await users(name)).length > 0;
          expect(served).toBe(name === 'gcr.io' || name.endsWith('.gcr.io'));
        },
      ),
    );
  });
});

describe('what a file holds', () => {
  test('may be an identity token', async () => {
    const { find, write } = await folderWith();
    await write('reg.io.json', JSON.stringify({ username: '<token>', password: 'refresh' }));
    expect(await find({ host: 'reg.io', path: 'app' })).toEqual([
      { kind: 'identity-token', token: 'refresh' },
    ]);
  });

  test.each([
    ['', 'wanted a JSON object'],
    ['{"username":"canary"', 'wanted a JSON object'],
    ['["canary"]', 'wanted a JSON object'],
    ['{}', 'wanted text in "username" and "password"'],
    ['{"username":"canary"}', 'wanted text in "username" and "password"'],
    ['{"username":"canary","password":1}', 'wanted text in "username" and "password"'],
    ['{"username":"","password":""}', 'wanted a value for "username" and "password"'],
    [
      '{"username":"canary","password":"canary","duration":"soon"}',
      'wanted "duration" as "12h" or in seconds',
    ],
    ['{"username":"canary","password":"canary","duration":-1}', 'wanted "duration" as "12h" or in seconds'],
    ['{"username":"canary","password":"canary","duration":{}}', 'wanted "duration" as "12h" or in seconds'],
  ])('%j is refused without being quoted', async (text, why) => {
    const { dir, find, write } = await folderWith('eu.io.json');
    await write('reg.io.json', text);
    const error = await find({ host: 'reg.io', path: 'app' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CREDENTIAL_BROKEN', place: join(dir, 'reg.io.json') });
    expect(String(error)).toContain(why);
    expect(String(error)).not.toContain('canary');
    expect(await find({ host: 'eu.io', path: 'app' })).toHaveLength(1);
  });

  test('that is broken does not make a shorter name serve the host', async () => {
    const { users, write } = await folderWith('reg.io.json');
    await write('eu.reg.io.json', '{');
    await expect(users('eu.reg.io')).rejects.toThrow('wanted a JSON object');
    expect(await users('us.reg.io')).toEqual(['reg.io.json']);
  });
});

describe('when it is read again', () => {
  test.each([
    ['after some seconds without a duration', {}, REREAD_MS],
    ['after some seconds with an empty duration', { duration: null }, REREAD_MS],
    ['after a duration as Kubernetes writes it', { duration: '1h30m' }, 5_400_000],
    ['after a number of seconds', { duration: 90 }, 90_000],
  ])('%s', async (_what, fields, holdMs) => {
    const { users, write, clock } = await folderWith();
    await write('reg.io.json', content('ada', fields));
    expect(await users('reg.io')).toEqual(['ada']);
    await write('reg.io.json', content('bob'));
    clock.time = holdMs - 1;
    expect(await users('reg.io')).toEqual(['ada']);
    clock.time = holdMs;
    expect(await users('reg.io')).toEqual(['bob']);
  });

  test('with every use for a duration of nothing', async () => {
    const { users, write } = await folderWith();
    await write('reg.io.json', content('ada', { duration: '0s' }));
    expect(await users('reg.io')).toEqual(['ada']);
    await write('reg.io.json', content('bob', { duration: 0 }));
    expect(await users('reg.io')).toEqual(['bob']);
  });

  test('a file that is taken away no longer counts, however long its duration', async () => {
    const { dir, users, write, clock } = await folderWith();
    await write('reg.io.json', content('ada', { duration: '12h' }));
    expect(await users('reg.io')).toEqual(['ada']);
    await rm(join(dir, 'reg.io.json'));
    clock.time = REREAD_MS;
    expect(await users('reg.io')).toEqual([]);
    await write('reg.io.json', content('bob'));
    clock.time = REREAD_MS * 2;
    expect(await users('reg.io')).toEqual(['bob']);
  });

  test('a file that is half written counts as it was, and that is told', async () => {
    const { users, write, clock, events } = await folderWith('reg.io.json');
    await users('reg.io');
    await write('reg.io.json', '{"username":');
    clock.time = REREAD_MS;
    expect(await users('reg.io')).toEqual(['reg.io.json']);
    expect(events).toMatchObject([{ type: 'kept' }]);
  });

  test('a folder that appears later counts from then on', async () => {
    const dir = join(await tempFolder(), 'registries');
    let time = 0;
    const find = registryFolder({ dir, now: () => time });
    expect(await find({ host: 'reg.io', path: 'app' })).toEqual([]);
    await mkdir(dir);
    await writeFile(join(dir, 'reg.io.json'), content('ada'));
    time = REREAD_MS;
    expect(await find({ host: 'reg.io', path: 'app' })).toMatchObject([{ username: 'ada' }]);
  });

  test('works with a mounted Secret', async () => {
    const mount = new SecretMount(await tempFolder());
    await mount.write({ 'gcr.io.json': content('ada'), 'reg.io_5000.json': content('bob') });
    const find = registryFolder({ dir: mount.dir });
    expect(await find({ host: 'us.gcr.io', path: 'app' })).toMatchObject([{ username: 'ada' }]);
    expect(await find({ host: 'reg.io:5000', path: 'app' })).toMatchObject([{ username: 'bob' }]);
  });

  test('a place that is no folder is refused', async () => {
    const dir = join(await tempFolder(), 'file');
    await writeFile(dir, '');
    await expect(registryFolder({ dir })({ host: 'reg.io', path: 'app' })).rejects.toMatchObject({
      code: 'CREDENTIAL_BROKEN',
      place: dir,
      cause: expect.objectContaining({ code: 'ENOTDIR' }),
    });
  });
});
