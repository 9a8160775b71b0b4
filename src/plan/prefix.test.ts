import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import { thrownBy } from '../../test/fakes/thrown.ts';
import names from '../../test/fixtures/names.json' with { type: 'json' };
import { parseReference } from '../image/reference.ts';
import { formatPrefix, InvalidPrefixError, isBackup, parsePrefix } from './prefix.ts';

describe('parsePrefix', () => {
  it.each([
    ['registry.example.com/backup', undefined, 'registry.example.com/backup'],
    ['registry.example.com/backup', 'bob', 'registry.example.com/backup'],
    ['registry.example.com/a/b/c', 'bob', 'registry.example.com/a/b/c'],
    ['registry.example.com', 'bob', 'registry.example.com/bob'],
    ['registry.example.com:5000', 'bob', 'registry.example.com:5000/bob'],
    ['localhost:5000', undefined, 'localhost:5000'],
    ['localhost', undefined, 'localhost'],
    ['127.0.0.1:5000', '', '127.0.0.1:5000'],
    ['[::1]:5000/backup', undefined, '[::1]:5000/backup'],
    [undefined, 'quickdevnotes', 'docker.io/quickdevnotes'],
    ['', 'quickdevnotes', 'docker.io/quickdevnotes'],
    ['docker.io', 'quickdevnotes', 'docker.io/quickdevnotes'],
    ['docker.io', 'QuickDevNotes', 'docker.io/quickdevnotes'],
    ['index.docker.io/quickdevnotes', undefined, 'docker.io/quickdevnotes'],
    ['quickdevnotes', undefined, 'docker.io/quickdevnotes'],
    ['REGISTRY.example.com/backup', undefined, 'registry.example.com/backup'],
    ['registry.example.com/', 'bob', 'registry.example.com/bob'],
    ['registry.example.com/backup//', undefined, 'registry.example.com/backup'],
    ['docker.io/library', undefined, 'docker.io/library'],
  ])('of registry %j and user %j is %s', (registry, user, prefix) => {
    expect(formatPrefix(parsePrefix(registry, user))).toBe(prefix);
  });

  it.each([
    [undefined, undefined],
    ['', ''],
    [undefined, ''],
  ])('of registry %j and user %j says what to set', (registry, user) => {
    expect(() => parsePrefix(registry, user)).toThrow(
      'Cannot choose the backup registry: set REGISTRY to "host/path", or give the user name of Docker Hub',
    );
  });

  it.each(['docker.io', 'index.docker.io', 'docker.io/'])(
    'refuses the whole of Docker Hub: %s',
    (registry) => {
      expect(() => parsePrefix(registry, undefined)).toThrow('set REGISTRY to "docker.io/<user>"');
    },
  );

  it.each([
    'https://registry.example.com/backup',
    'http://localhost:5000',
    'docker://registry.example.com/backup',
    'registry.example.com/backup:1',
    'registry.example.com/backup@sha256:abc',
    'registry.example.com/Backup',
    'registry.example.com/a//b',
    'registry.example.com/../b',
    'user:secret@registry.example.com/backup',
    'registry.example.com:port/backup',
    'registry .example.com',
    ' ',
    '/',
    '/backup',
  ])('refuses the registry %j', (registry) => {
    const thrown = thrownBy(() => parsePrefix(registry, undefined));
    expect(thrown).toBeInstanceOf(InvalidPrefixError);
    expect(thrown).toMatchObject({ code: 'INVALID_PREFIX', cause: { code: 'INVALID_REFERENCE' } });
  });

  it.each(['robot$ci', 'a b', 'user@example.com', '_json_key', 'a/../b', ':1'])(
    'refuses to make a path of the user %j, and says to set one',
    (user) => {
      expect(() => parsePrefix('registry.example.com', user)).toThrow('set REGISTRY to "host/path"');
      expect(formatPrefix(parsePrefix('registry.example.com/backup', user))).toBe(
        'registry.example.com/backup',
      );
    },
  );

  it('refuses a prefix that leaves no room for names', () => {
    const host = 'registry.example.com';
    const longest = `${host}/${'b'.repeat(188 - host.length - 1)}`;
    expect(formatPrefix(parsePrefix(longest, undefined))).toBe(longest);
    expect(() => parsePrefix(`${longest}b`, undefined)).toThrow('wanted at most 188 characters, got 189');
  });

  it('reads back every prefix that it gave', () => {
    fc.assert(
      fc.property(references, ({ host, path }) => {
        fc.pre(host.length + path.length < 188);
        const prefix = parsePrefix(`${host}/${path}`, undefined);
        expect(prefix).toEqual({ host, path });
        expect(parsePrefix(formatPrefix(prefix), 'bob')).toEqual(prefix);
      }),
    );
  });
});

describe('isBackup', () => {
  const keepHost = parsePrefix(names.keepHost.prefix, undefined);
  const flat = parsePrefix(names.flat.prefix, undefined);

  it.each(names.keepHost.alreadyBackup)('knows %s', (image) => {
    expect(isBackup(parseReference(image), keepHost)).toBe(true);
  });

  it.each(names.flat.alreadyBackup)('knows %s on Docker Hub', (image) => {
    expect(isBackup(parseReference(image), flat)).toBe(true);
  });

  it.each(names.keepHost.copies)(
    'does not take the source $image for a copy, but its copy',
    ({ image, backup }) => {
      expect(isBackup(parseReference(image), keepHost)).toBe(false);
      expect(isBackup(parseReference(backup), keepHost)).toBe(true);
    },
  );

  it.each(names.flat.notBackup)('does not take %s for a copy', (image) => {
    expect(isBackup(parseReference(image), flat)).toBe(false);
  });

  it.each([
    'registry.example.com/backup:1',
    'registry.example.com/backups/app:1',
    'registry.example.com/back/up:1',
    'registry.example.com.evil.example/backup/app:1',
    'registry.example.com:443/backup/app:1',
    'evil.example/registry.example.com/backup/app:1',
    'backup/app:1',
  ])('does not take %s for a copy', (image) => {
    expect(isBackup(parseReference(image), keepHost)).toBe(false);
  });

  it('takes everything on the host for a copy where the prefix has no path', () => {
    const prefix = parsePrefix('localhost:5000', undefined);
    expect(isBackup(parseReference('localhost:5000/app:1'), prefix)).toBe(true);
    expect(isBackup(parseReference('localhost/app:1'), prefix)).toBe(false);
  });
});
