import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { FakeProgram, type ProgramAnswer } from '../../test/fakes/fake-program.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { CredentialError } from './credential-error.ts';
import { CredentialHelpers } from './credential-helper.ts';

/** A helper called `vault`, and a clock. */
async function helperWith(answer: ProgramAnswer) {
  const folder = await tempFolder();
  const program = await FakeProgram.write(folder, 'docker-credential-vault', answer);
  const clock = { time: 0 };
  const environment = { PATH: folder, REGION: 'eu' };
  return { program, clock, helpers: new CredentialHelpers({ environment, now: () => clock.time }) };
}

function stored(username: string, secret: string): ProgramAnswer {
  return { output: JSON.stringify({ ServerURL: 'https://elsewhere', Username: username, Secret: secret }) };
}

describe('what a helper says', () => {
  test.each<[string, ProgramAnswer, readonly unknown[]]>([
    ['a user name and a password', stored('ada', 'pw'), [{ kind: 'basic', username: 'ada', password: 'pw' }]],
    ['an identity token', stored('<token>', 'refresh'), [{ kind: 'identity-token', token: 'refresh' }]],
    ['empty fields', stored('', ''), []],
    ['no fields', { output: '{}' }, []],
    ['not found', { output: 'credentials not found in native keychain\n', status: 1 }, []],
    ['not found in other words', { output: 'Credentials not found', status: 1 }, []],
  ])('%s', async (_what, answer, expected) => {
    const { helpers } = await helperWith(answer);
    expect(await helpers.get('vault', 'reg.io')).toEqual(expected);
  });

  test.each<[string, ProgramAnswer, string]>([
    ['another failure', { output: 'error: canary', status: 2 }, 'wanted exit status 0, got 2'],
    ['a failure that says nothing', { status: 1 }, 'wanted exit status 0, got 1'],
    [
      'not found as a success',
      { output: 'credentials not found in native keychain' },
      'wanted a JSON object',
    ],
    ['no JSON', { output: 'canary' }, 'wanted a JSON object'],
    ['nothing', {}, 'wanted a JSON object'],
    ['a list', { output: '["canary"]' }, 'wanted a JSON object'],
    ['half an answer', { output: '{"Username":"canary' }, 'wanted a JSON object'],
    [
      'a number as the secret',
      { output: '{"Username":"canary","Secret":1}' },
      'wanted text in "Username" and "Secret"',
    ],
    [
      'null as the user name',
      { output: '{"Username":null,"Secret":"canary"}' },
      'wanted text in "Username" and "Secret"',
    ],
    ['too much', { output: 'canary'.repeat(20_000), times: 20 }, 'bytes of output'],
  ])('%s is a fault, and is not quoted', async (_what, answer, why) => {
    const { helpers } = await helperWith(answer);
    const [fault, ...others] = await helpers.get('vault', 'reg.io');
    expect(others).toEqual([]);
    expect(fault).toBeInstanceOf(CredentialError);
    expect(inspect(fault)).toContain('docker-credential-vault');
    expect(inspect(fault)).toContain(why);
    expect(inspect(fault)).not.toContain('canary');
  });
});

describe('how a helper is asked', () => {
  test('by `get`, with the server alone on its input and our environment', async () => {
    const { program, helpers } = await helperWith(stored('ada', 'pw'));
    await helpers.get('vault', 'https://index.docker.io/v1/');
    const [call] = await program.calls();
    expect(call).toMatchObject({
      args: ['get'],
      input: 'https://index.docker.io/v1/',
      env: { REGION: 'eu' },
    });
  });

  test.each(['', '../vault', 'a/b', 'a\\b', '.vault', '-vault', 'vault;id', 'va ult', 'vault\n', 'vault\0'])(
    'never as %j, which is no name',
    async (name) => {
      const { program, helpers } = await helperWith(stored('ada', 'pw'));
      const [fault] = await helpers.get(name, 'reg.io');
      expect(inspect(fault)).toContain('wanted a name');
      expect(await program.calls()).toEqual([]);
    },
  );

  test('only for so long', async () => {
    const folder = await tempFolder();
    await FakeProgram.write(folder, 'docker-credential-slow', { hangs: true });
    const helpers = new CredentialHelpers({ environment: { PATH: folder }, timeoutMs: 200 });
    const [fault] = await helpers.get('slow', 'reg.io');
    expect(fault).toMatchObject({
      message: expect.stringContaining('no answer within 200 ms'),
      retriable: true,
    });
  });

  test('a helper that is not there is a fault', async () => {
    const helpers = new CredentialHelpers({ environment: { PATH: await tempFolder() } });
    const [fault] = await helpers.get('missing', 'reg.io');
    expect(fault).toMatchObject({
      place: 'docker-credential-missing',
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
  });
});

describe('how long an answer counts', () => {
  test('for half a minute, and once for all who ask meanwhile', async () => {
    const { program, clock, helpers } = await helperWith(stored('ada', 'pw'));
    await Promise.all([helpers.get('vault', 'reg.io'), helpers.get('vault', 'reg.io')]);
    clock.time = 29_999;
    await helpers.get('vault', 'reg.io');
    expect(await program.calls()).toHaveLength(1);
    await program.answer(stored('bob', 'pw'));
    clock.time = 30_000;
    expect(await helpers.get('vault', 'reg.io')).toMatchObject([{ username: 'bob' }]);
  });

  test('for its own server alone', async () => {
    const { program, helpers } = await helperWith(stored('ada', 'pw'));
    await helpers.get('vault', 'reg.io');
    await helpers.get('vault', 'other.io');
    expect((await program.calls()).map(({ input }) => input)).toEqual(['reg.io', 'other.io']);
  });

  test('for its own helper alone: another one that the file names meanwhile is asked', async () => {
    const folder = await tempFolder();
    await FakeProgram.write(folder, 'docker-credential-old', stored('ada', 'pw'));
    await FakeProgram.write(folder, 'docker-credential-new', stored('bob', 'pw'));
    const helpers = new CredentialHelpers({ environment: { PATH: folder } });
    expect(await helpers.get('old', 'reg.io')).toMatchObject([{ username: 'ada' }]);
    expect(await helpers.get('new', 'reg.io')).toMatchObject([{ username: 'bob' }]);
  });

  test('a fault for five seconds', async () => {
    const { program, clock, helpers } = await helperWith({ status: 1 });
    await helpers.get('vault', 'reg.io');
    await program.answer(stored('ada', 'pw'));
    clock.time = 4999;
    expect(await helpers.get('vault', 'reg.io')).toMatchObject([{ code: 'CREDENTIAL_BROKEN' }]);
    clock.time = 5000;
    expect(await helpers.get('vault', 'reg.io')).toMatchObject([{ username: 'ada' }]);
    expect(await program.calls()).toHaveLength(2);
  });
});
