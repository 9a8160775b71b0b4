import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../test/fakes/thrown.ts';
import { readAuthConfig } from './auth-config.ts';
import { CredentialError } from './credential-error.ts';

function base64(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64');
}

describe('readAuthConfig()', () => {
  test.each<[string, object, object]>([
    ['auth', { auth: base64('ada:pw') }, { kind: 'basic', username: 'ada', password: 'pw' }],
    [
      'auth with colons in the password',
      { auth: base64('ada:p:w:') },
      { kind: 'basic', username: 'ada', password: 'p:w:' },
    ],
    ['auth without padding', { auth: 'YWRhOnB3ZA' }, { kind: 'basic', username: 'ada', password: 'pwd' }],
    [
      'auth over several lines',
      { auth: 'YWRh\nOnB3\r\n' },
      { kind: 'basic', username: 'ada', password: 'pw' },
    ],
    [
      'auth with the zeros of old clients',
      { auth: base64('ada:pw\0\0') },
      { kind: 'basic', username: 'ada', password: 'pw' },
    ],
    ['auth without a password', { auth: base64('ada:') }, { kind: 'basic', username: 'ada', password: '' }],
    ['auth without a user name', { auth: base64(':pw') }, { kind: 'basic', username: '', password: 'pw' }],
    [
      'auth beyond ASCII',
      { auth: base64('zoë:pässword') },
      { kind: 'basic', username: 'zoë', password: 'pässword' },
    ],
    [
      'a key file as the password',
      { auth: base64('_json_key:{\n"type": "x"\n}\n') },
      { kind: 'basic', username: '_json_key', password: '{\n"type": "x"\n}\n' },
    ],
    [
      'user name and password',
      { username: 'ada', password: 'pw' },
      { kind: 'basic', username: 'ada', password: 'pw' },
    ],
    [
      'auth before user name and password',
      { auth: base64('ada:pw'), username: 'bob', password: 'x' },
      { kind: 'basic', username: 'ada', password: 'pw' },
    ],
    [
      'nulls, as Go writes them',
      { auth: null, username: 'ada', password: 'pw', email: null },
      { kind: 'basic', username: 'ada', password: 'pw' },
    ],
    [
      'fields we do not know',
      { username: 'ada', password: 'pw', email: 1, more: {} },
      { kind: 'basic', username: 'ada', password: 'pw' },
    ],
    ['identity token', { identitytoken: 'refresh' }, { kind: 'identity-token', token: 'refresh' }],
    [
      'identity token with its user name',
      { auth: base64('0000:'), identitytoken: 'refresh' },
      { kind: 'identity-token', token: 'refresh', username: '0000' },
    ],
    [
      'identity token beside a broken auth',
      { auth: '!', identitytoken: 'refresh' },
      { kind: 'identity-token', token: 'refresh' },
    ],
    [
      'identity token as a password',
      { auth: base64('<token>:refresh') },
      { kind: 'identity-token', token: 'refresh' },
    ],
    [
      'identity token twice',
      { auth: base64('<token>:old'), identitytoken: 'refresh' },
      { kind: 'identity-token', token: 'refresh' },
    ],
    [
      'registry token before all else',
      { auth: base64('ada:pw'), identitytoken: 'refresh', registrytoken: 'bearer' },
      { kind: 'registry-token', token: 'bearer' },
    ],
  ])('reads %s', (_what, entry, expected) => {
    expect(readAuthConfig(entry, 'place')).toEqual(expected);
  });

  test.each([
    [{}],
    [{ auth: '' }],
    [{ email: 'ada@example.com' }],
    [{ username: '', password: '' }],
    [{ auth: base64(':') }],
  ])('finds nothing in %j', (entry) => {
    expect(readAuthConfig(entry, 'place')).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['no object', 'canary'],
    ['null', null],
    ['a list', ['canary']],
    ['a number as user name', { username: 1, password: 'canary' }],
    ['an object as auth', { auth: { user: 'canary' } }],
    ['a list as identity token', { identitytoken: ['canary'] }],
    ['no base64', { auth: 'ada:canary' }],
    ['URL-safe base64', { auth: base64('ada:~~~canary???').replaceAll('/', '_') }],
    ['base64 cut short', { auth: base64('ada:canary1').slice(0, -3) }],
    ['base64 padded wrongly', { auth: base64('ada:canary').replace('==', '=') }],
    ['text behind the padding', { auth: `${base64('ada:canary1')}canary` }],
    ['spaces', { auth: '   ' }],
    ['no colon', { auth: base64('canary') }],
    ['bytes that are not UTF-8', { auth: base64(Uint8Array.of(0x61, 0x3a, 0xff, 0xfe)) }],
    ['a line end in a registry token', { registrytoken: 'canary\r\nX-Evil: 1' }],
    ['a space in a registry token', { registrytoken: 'canary canary' }],
  ])('takes %s for a fault, and quotes nothing of it', (_what, entry) => {
    const found = readAuthConfig(entry, 'the place');
    expect(found).toBeInstanceOf(CredentialError);
    expect(inspect(found)).toContain('the place');
    expect(inspect(found)).not.toContain('canary');
  });

  test('reads whatever was encoded', () => {
    const username = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((name) => !/[:\0]|^<token>$/.test(name));
    const password = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(username, password, (name, secret) => {
        const entry = { auth: base64(`${name}:${secret}`) };
        expect(readAuthConfig(entry, 'place')).toEqual({ kind: 'basic', username: name, password: secret });
      }),
    );
  });

  test('never throws', () => {
    const entry = fc.dictionary(
      fc.constantFrom('auth', 'username', 'password', 'identitytoken', 'registrytoken'),
      fc.anything(),
    );
    fc.assert(
      fc.property(fc.oneof(entry, fc.anything()), (value) => {
        expect(thrownBy(() => readAuthConfig(value, 'place'))).toBeUndefined();
      }),
    );
  });
});
