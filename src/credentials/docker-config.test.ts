import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../test/fakes/thrown.ts';
import { CredentialError } from './credential-error.ts';
import { type DockerConfig, parseDockerConfig, parseDockercfg } from './docker-config.ts';

const AUTH = Buffer.from('ada:pw').toString('base64');
const ADA = { kind: 'basic', username: 'ada', password: 'pw' };

function lookup(config: DockerConfig, host: string, path = 'team/app'): readonly unknown[] {
  return config.auths.lookup({ host, path });
}

function parse(value: unknown): DockerConfig {
  return parseDockerConfig(JSON.stringify(value), 'config.json');
}

describe('parseDockerConfig()', () => {
  test('reads entries by the repositories they are for', () => {
    const config = parse({
      auths: { 'https://reg.io/v2/': { auth: AUTH }, 'other.io/team': { auth: AUTH } },
    });
    expect(lookup(config, 'reg.io')).toEqual([ADA]);
    expect(lookup(config, 'other.io')).toEqual([ADA]);
    expect(lookup(config, 'other.io', 'else/app')).toEqual([]);
    expect(lookup(config, 'third.io')).toEqual([]);
  });

  test.each([
    [{}],
    [{ auths: {} }],
    [{ auths: null, credHelpers: null, credsStore: null }],
    [{ HttpHeaders: { a: 'b' }, psFormat: 1 }],
  ])('finds nothing in %j', (value) => {
    const config = parse(value);
    expect(lookup(config, 'reg.io')).toEqual([]);
    expect(config.helpers.size).toBe(0);
    expect(config.store).toBeUndefined();
  });

  test('reads helpers by host, however the key is written', () => {
    const config = parse({
      credsStore: 'desktop',
      credHelpers: {
        'reg.io:5000': 'one',
        'https://two.io/v2/': 'two',
        'https://index.docker.io/v1/': 'hub',
        '%': 'odd',
      },
    });
    expect(config.store).toBe('desktop');
    expect([...config.helpers]).toEqual([
      ['reg.io:5000', 'one'],
      ['two.io', 'two'],
      ['docker.io', 'hub'],
      ['%', 'odd'],
    ]);
  });

  test('a broken entry breaks its own repositories alone', () => {
    const config = parse({ auths: { 'bad.io': { auth: 'canary' }, 'reg.io': { auth: AUTH } } });
    expect(lookup(config, 'reg.io')).toEqual([ADA]);
    const [fault] = lookup(config, 'bad.io');
    expect(fault).toBeInstanceOf(CredentialError);
    expect(inspect(fault)).toContain('config.json, entry bad.io');
    expect(inspect(fault)).not.toContain('canary');
  });

  test('an entry is named without the user information somebody put into its key', () => {
    const config = parse({ auths: { 'https://ada:canary@bad.io/team': 1 } });
    const [fault] = lookup(config, 'bad.io');
    expect(inspect(fault)).toContain('entry bad.io/team');
    expect(inspect(fault)).not.toContain('canary');
  });

  test('ignores keys that are no pattern, and entries that hold nothing', () => {
    const config = parse({ auths: { 'reg .io': 1, '': 1, 'reg.io': {} } });
    expect(lookup(config, 'reg.io')).toEqual([]);
  });

  test('keys that mean something to JavaScript are keys like others', () => {
    const text = `{"auths":{"__proto__":{"auth":"${AUTH}"},"constructor":{"auth":"${AUTH}"}}}`;
    const config = parseDockerConfig(text, 'config.json');
    expect(lookup(config, 'constructor')).toEqual([ADA]);
    expect(lookup(config, '__proto__')).toEqual([ADA]);
    expect(lookup(config, 'toString')).toEqual([]);
    expect(config.helpers.get('toString')).toBeUndefined();
  });

  test.each([
    ['nothing', ''],
    ['half of it', '{"auths":{"reg.io":{"auth":"canary'],
    ['no JSON', 'canary: yes'],
    ['a list', '["canary"]'],
    ['null', 'null'],
    ['a text', '"canary"'],
    ['two documents', '{} {"canary":1}'],
    ['a list of auths', '{"auths":["canary"]}'],
    ['auths as text', '{"auths":"canary"}'],
    ['helpers as a list', '{"credHelpers":["canary"]}'],
    ['a helper that is no text', '{"credHelpers":{"reg.io":{"canary":1}}}'],
    ['a store that is no text', '{"credsStore":["canary"]}'],
    ['deep nesting', `${'['.repeat(100_000)}canary`],
  ])('refuses %s, and quotes nothing of it', (_what, text) => {
    const error = thrownBy(() => parseDockerConfig(text, 'config.json'));
    expect(error).toBeInstanceOf(CredentialError);
    expect(String(error)).toContain('"config.json"');
    expect(String(error)).not.toContain('canary');
    expect(error).not.toHaveProperty('cause');
  });

  test('fails in one way only, whatever it is given', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => `{"auths":${json}}`),
    );
    fc.assert(
      fc.property(text, (written) => {
        const error = thrownBy(() => parseDockerConfig(written, 'config.json'));
        expect(error === undefined || error instanceof CredentialError).toBe(true);
      }),
    );
  });
});

describe('parseDockercfg()', () => {
  test('reads entries without "auths" around them', () => {
    const config = parseDockercfg(
      JSON.stringify({ 'https://reg.io/v1/': { auth: AUTH, email: 'a@b.c' } }),
      '.dockercfg',
    );
    expect(lookup(config, 'reg.io')).toEqual([ADA]);
    expect(config.helpers.size).toBe(0);
  });

  test.each(['', '[]', '{"reg.io"'])('refuses %j', (text) => {
    expect(() => parseDockercfg(text, '.dockercfg')).toThrow(CredentialError);
  });
});
