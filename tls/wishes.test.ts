import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseWishes, USAGE } from './wishes.ts';

describe('parseWishes', () => {
  it('wants a year for the default service in this checkout when nothing is said', () => {
    expect(parseWishes([])).toEqual({
      root: expect.any(String),
      service: { name: 'image-cloner', namespace: 'image-cloner' },
      days: 365,
      newAuthority: false,
      dropOld: false,
    });
    expect(existsSync(join(parseWishes([])?.root ?? '', 'deploy/image-cloner-webhook.yaml.template'))).toBe(
      true,
    );
  });

  it('takes every option', () => {
    const args = [
      '--namespace=tools',
      '--name',
      'cloner',
      '--days',
      '3650',
      '--root',
      '/x',
      '--new-authority',
    ];
    expect(parseWishes([...args, '--drop-old'])).toEqual({
      root: '/x',
      service: { name: 'cloner', namespace: 'tools' },
      days: 3650,
      newAuthority: true,
      dropOld: true,
    });
  });

  it.each([
    [['--namespace', 'Tools'], 'use --namespace "Tools": want the name of a namespace'],
    [['--namespace', '../x'], 'use --namespace "../x"'],
    [['--namespace', ''], 'use --namespace ""'],
    [['--name', '1x'], 'use --name "1x"'],
    [['--days', '0'], 'use --days "0": want a whole number from 1 to 3650'],
    [['--days', '3651'], 'use --days "3651"'],
    [['--days=-1'], 'use --days "-1"'],
    [['--days', '1e3'], 'use --days "1e3"'],
    [['--days', '1.5'], 'use --days "1.5"'],
    [['--days', '99999999999999999999'], 'use --days'],
    [['--days', ''], 'use --days ""'],
    [['--days'], "'--days <value>' argument missing"],
    [['--unknown'], "Unknown option '--unknown'"],
    [['--drop-old=yes'], "'--drop-old' does not take an argument"],
    [['stray'], "Unexpected argument 'stray'"],
  ])('refuses %j', (args, message) => {
    expect(() => parseWishes(args)).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });

  it('asks for nothing but help with --help', () => {
    expect(parseWishes(['--help', '--namespace', 'Bad'])).toBeUndefined();
  });
});

describe('USAGE', () => {
  it.each(['namespace', 'name', 'days', 'new-authority', 'drop-old', 'root', 'help'])(
    'explains --%s',
    (option) => {
      expect(USAGE).toContain(`\n  --${option}`);
    },
  );
});
