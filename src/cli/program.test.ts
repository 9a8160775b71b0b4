import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { start } from '../../test/fakes/running-program.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { describeSettings } from '../config/description.ts';
import { COMMANDS } from './command.ts';
import { readVersion } from './version.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

async function ended(...args: string[]) {
  const program = start(args);
  return { code: await program.ended, out: program.out, err: program.err };
}

describe('the program', () => {
  test('says which version it is', async () => {
    expect(await ended('--version')).toEqual({ code: 0, out: `${readVersion()}\n`, err: '' });
    expect(readVersion()).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('tells in its help what it is, its commands, its exit codes and how to begin', async () => {
    const { code, out } = await ended('--help');
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS)
      expect(out).toMatch(new RegExp(`^  ${name} .*${summary}$`, 'm'));
    for (const said of ['mutating admission webhook', 'Exit codes:', 'Examples:', 'IMAGE_CLONER_CONFIG'])
      expect(out).toContain(said);
  });

  test.each([
    ['--help', 'settings'],
    ['help', 'settings'],
    ['settings', '--help'],
  ])('%s %s is answered', async (...args) => {
    expect(await ended(...args)).toMatchObject({ code: 0, err: '' });
  });

  test.each(COMMANDS.map(({ name }) => name))(
    '%s has a help of its own, asked for in two ways',
    async (name) => {
      const { code, out } = await ended(name, '--help');
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^Usage: image-cloner ${name} \\[options\\]`));
      expect((await ended('help', name)).out).toBe(out);
    },
  );

  test.each(['serve', 'settings'])('%s --help lists every setting', async (name) => {
    const { out } = await ended(name, '--help');
    for (const { path, variable, initial } of describeSettings())
      expect(out).toContain(`  ${path}  ${variable ?? '(in the file only)'}  (${initial})`);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(120);
  });

  test.each([
    ['no command', [], /Usage: image-cloner/],
    ['an unknown command', ['wombat'], /unknown command 'wombat'/],
    ['an unknown option', ['--wombat'], /unknown option '--wombat'/],
    ['an unknown option of a command', ['settings', '--wombat'], /unknown option '--wombat'/],
    ['an argument too many', ['settings', 'wombat'], /too many arguments/],
    ['a missing value', ['serve', '--config'], /argument missing/],
    ['a missing option', ['registry'], /required option '--dir <dir>'/],
    ['a wrong value', ['registry', '--dir', 'x', '--listen', '5000'], /wanted ":PORT", "HOST:PORT"/],
  ])('%s ends with 2 and says what is wrong', async (_name, args, message) => {
    const { code, out, err } = await ended(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });
});

describe('the program as a process', () => {
  test('writes results to standard output, complaints to standard error, and ends with the code', async () => {
    const run = promisify(execFile);
    expect(await run(process.execPath, [MAIN, '--version'])).toEqual({
      stdout: `${readVersion()}\n`,
      stderr: '',
    });
    await expect(run(process.execPath, [MAIN, 'wombat'])).rejects.toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('wombat'),
    });
  });

  test('hears signals, and ends with 0', async () => {
    const child = spawn(process.execPath, [
      MAIN,
      'registry',
      '--dir',
      await tempFolder(),
      '--listen',
      '127.0.0.1:0',
    ]);
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });

  test.each([
    [['--version'], []],
    [['settings'], []],
    [['registry', '--dir', '/dev/null'], ['koa']],
  ])('%j loads of the large libraries %j', async (args, loaded) => {
    const script = `
      import { createRequire } from 'node:module';
      const { run } = await import(${JSON.stringify(new URL('program.ts', import.meta.url).href)});
      const ignore = () => {};
      const surroundings = { out: ignore, err: ignore, process: { on: ignore }, leave: ignore, environment: {} };
      await run(${JSON.stringify(args)}, surroundings);
      const files = Object.keys(createRequire(import.meta.url).cache);
      console.log(JSON.stringify(['koa', 'undici', 'prom-client', 'pino-pretty'].filter((name) => files.some((file) => file.includes('/node_modules/' + name + '/')))));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(JSON.parse(stdout)).toEqual(loaded);
  });
});
