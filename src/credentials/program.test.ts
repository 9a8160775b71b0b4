import { chmod, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { FakeProgram, type ProgramAnswer } from '../../test/fakes/fake-program.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { CredentialError } from './credential-error.ts';
import { type Program, runProgram } from './program.ts';

/** Long past what any test needs; those that wait for the end of it set their own. */
const TIMEOUT_MS = 30_000;

async function programWith(answer: ProgramAnswer): Promise<{ fake: FakeProgram; program: Program }> {
  const fake = await FakeProgram.write(await tempFolder(), 'program', answer);
  return { fake, program: { file: fake.path, args: [], environment: {}, timeoutMs: TIMEOUT_MS } };
}

describe('runProgram()', () => {
  test('hands input, arguments and environment over, and gives back output and status', async () => {
    const { fake, program } = await programWith({ output: 'ansër\n', status: 3 });
    const args = ['get', '$HOME; exit 1', '"'];
    const result = await runProgram(
      { ...program, args, environment: { WHO: 'ada', NOT: undefined } },
      'question\n',
    );
    expect(result).toEqual({ status: 3, output: 'ansër\n' });
    const [call] = await fake.calls();
    expect(call).toMatchObject({ args, input: 'question\n' });
    expect(call?.env['WHO']).toBe('ada');
    expect(call?.env).not.toHaveProperty('NOT');
    expect(call?.env).not.toHaveProperty('PATH');
  });

  test('finds a program by its name on the PATH it hands over', async () => {
    const folder = await tempFolder();
    await FakeProgram.write(folder, 'some-program', { output: 'found' });
    const program = {
      file: 'some-program',
      args: [],
      environment: { PATH: `/missing:${folder}` },
      timeoutMs: TIMEOUT_MS,
    };
    expect(await runProgram(program, '')).toEqual({ status: 0, output: 'found' });
  });

  test('does not mind a program that reads nothing of a long input', async () => {
    const { program } = await programWith({ deaf: true, output: 'answer' });
    expect(await runProgram(program, 'x'.repeat(4 * 1024 * 1024))).toEqual({ status: 0, output: 'answer' });
  });

  test('takes a long answer whole', async () => {
    const { program } = await programWith({ output: 'x'.repeat(1024), times: 1024 });
    expect((await runProgram(program, '')).output).toHaveLength(1024 * 1024);
  });

  test('stops a program that writes too much, and what it has started', async () => {
    const socket = join(await tempFolder(), 's');
    const { program } = await programWith({
      output: 'canary'.repeat(20_000),
      times: 20,
      leaves: socket,
      hangs: true,
    });
    const error = await runProgram(program, '').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CredentialError);
    expect(String(error)).toContain('wanted at most 1048576 bytes of output');
    expect(inspect(error)).not.toContain('canary');
    await expect.poll(() => listens(socket)).toBe(false);
  });

  test('stops a program that gives no answer in time', async () => {
    const { program } = await programWith({ output: 'half an answer', hangs: true });
    await expect(runProgram({ ...program, timeoutMs: 300 }, '')).rejects.toMatchObject({
      code: 'CREDENTIAL_BROKEN',
      place: program.file,
      message: expect.stringContaining('no answer within 300 ms'),
      retriable: true,
    });
  });

  test('does not wait for ever for a child that keeps the output open', async () => {
    const socket = join(await tempFolder(), 's');
    const { program } = await programWith({ output: 'answer', leaves: socket });
    await expect(runProgram({ ...program, timeoutMs: 1000 }, '')).rejects.toThrow('no answer within 1000 ms');
    await expect.poll(() => listens(socket)).toBe(false);
  });

  test('does not take the output of a program that was killed', async () => {
    const { program } = await programWith({ output: 'half', hangs: true, signal: 'SIGKILL' });
    await expect(runProgram(program, '')).rejects.toMatchObject({
      message: expect.stringContaining('the program was killed'),
      retriable: true,
    });
  });

  test('says so when there is no such program', async () => {
    const program = {
      file: 'no-such-program',
      args: [],
      environment: { PATH: '/missing' },
      timeoutMs: TIMEOUT_MS,
    };
    await expect(runProgram(program, 'input')).rejects.toMatchObject({
      code: 'CREDENTIAL_BROKEN',
      place: 'no-such-program',
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
  });

  test('says so when a file is no program', async () => {
    const file = join(await tempFolder(), 'data');
    await writeFile(file, 'text');
    await chmod(file, 0o600);
    const program = { file, args: [], environment: {}, timeoutMs: TIMEOUT_MS };
    await expect(runProgram(program, '')).rejects.toMatchObject({
      cause: expect.objectContaining({ code: 'EACCES' }),
    });
  });

  test('keeps what the system cannot hand over out of the error', async () => {
    const { program } = await programWith({});
    const environment = { SECRET: 'canary\0' };
    const error = await runProgram({ ...program, environment }, '').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'CREDENTIAL_BROKEN',
      message: expect.stringContaining('without null bytes'),
    });
    expect(inspect(error)).not.toContain('canary');
  });
});

/** Is the child still there that a fake program left behind? */
function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
    connection.once('connect', () => connection.destroy());
  });
}
