import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { start } from '../../test/fakes/running-program.ts';
import { describeSettings } from '../config/description.ts';
import { settingsHelp, settingsMarkdown } from './settings-table.ts';

describe('the table of settings', () => {
  test('has a row for each, of four cells', () => {
    const rows = settingsMarkdown().trimEnd().split('\n');
    expect(rows).toHaveLength(2 + describeSettings().length);
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(6);
  });

  test('shows values as code and what is no value as text', () => {
    const table = settingsMarkdown();
    expect(table).toContain('| `listen` | `LISTEN` | `:8443` | ');
    expect(table).toContain('| `registry.prefix` | `REGISTRY` | docker.io/&lt;user name> | ');
    expect(table).toContain('| `sources.plainHttp` | `SOURCES_PLAIN_HTTP` | none | ');
  });

  test('in the README is the one of this program', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const told = /<!-- settings:begin -->\n(?<table>[\s\S]*?)<!-- settings:end -->/.exec(readme)?.groups?.[
      'table'
    ];
    // To renew it: npm run -s image-cloner -- settings --markdown
    expect(told?.trim()).toBe(settingsMarkdown().trim());
  });

  test('for a terminal says the same', () => {
    const help = settingsHelp();
    for (const { path, variable, initial } of describeSettings())
      expect(help).toContain(`  ${path}  ${variable ?? '(in the file only)'}  (${initial})\n`);
  });
});

describe('image-cloner settings', () => {
  test('prints what the configuration comes to', async () => {
    const program = start(['settings'], { REGISTRY: 'registry.example.com/backup', COPY_WAIT_SECONDS: '3' });
    expect(await program.ended).toBe(0);
    expect(program.out).toContain('registry:\n  prefix: registry.example.com/backup\n');
    expect(program.out).toContain('  waitSeconds: 3\n');
    expect(program.err).toBe('');
  });

  test('prints the table of all of them', async () => {
    const program = start(['settings', '--markdown']);
    await program.ended;
    expect(program.out).toBe(settingsMarkdown());
  });

  test('tells every fault and ends with 2', async () => {
    const program = start(['settings'], { LOG_LEVEL: 'loud', LISTEN: 'x' });
    expect(await program.ended).toBe(2);
    expect(program.out).toBe('');
    expect(program.err).toBe(
      [
        'image-cloner: Cannot use the configuration, faults found: 2',
        '  LISTEN: got "x", wanted ":PORT", "HOST:PORT" or "[IPV6]:PORT"',
        '  LOG_LEVEL: got "loud", wanted debug, info, warn or error',
        '',
      ].join('\n'),
    );
  });

  test('names a file that cannot be read', async () => {
    const program = start(['settings', '--config', '/nowhere/config.yaml']);
    expect(await program.ended).toBe(2);
    expect(program.err).toContain('/nowhere/config.yaml: cannot be read: ENOENT');
  });
});
