import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import names from '../../test/fixtures/names.json' with { type: 'json' };
import {
  familiarReference,
  formatReference,
  LONGEST_NAME,
  parseReference,
  type Reference,
  readReference,
  repositoryOf,
} from '../image/reference.ts';
import { hostComponent } from './host-component.ts';
import { backupOf, defaultScheme, isCopyOf, isShared, type NamingByRule as Naming } from './naming.ts';
import { isBackup, parsePrefix } from './prefix.ts';

const KEEP_HOST: Naming = { prefix: parsePrefix(names.keepHost.prefix, undefined), scheme: 'keep-host' };
const FLAT: Naming = { prefix: parsePrefix(names.flat.prefix, undefined), scheme: 'flat' };
const BARE: Naming = { prefix: parsePrefix('localhost:5000', undefined), scheme: 'keep-host' };
const LONG: Naming = { prefix: parsePrefix(`a.b/${'c'.repeat(184)}`, undefined), scheme: 'flat' };
const NAMINGS = [KEEP_HOST, FLAT, BARE, LONG, { ...LONG, scheme: 'keep-host' } as const];

/** The name of a copy as it is written into a workload. */
function nameOf(image: string, naming: Naming): string {
  return familiarReference(backupOf(parseReference(image), naming));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Two spellings of one IPv6 address are one registry: everything else that differs is another source. */
function identity(reference: Reference): string {
  return formatReference({ ...reference, host: hostComponent(reference.host) });
}

describe('backupOf with keep-host', () => {
  it.each(names.keepHost.copies)('calls the copy of $image $backup', ({ image, backup }) => {
    expect(nameOf(image, KEEP_HOST)).toBe(backup);
  });

  it.each([
    ['quay.io/a/app-0123456789:1', 'quay.io/a/app-0123456789:1'],
    ['quay.io/a/b/c/d/e:1', 'quay.io/a/b/c/d/e:1'],
    ['host-1.example.com:443/a:1', 'host-1.example.com_443/a:1'],
  ])('keeps the name of %s', (image, name) => {
    expect(nameOf(image, KEEP_HOST)).toBe(`registry.example.com/backup/${name}`);
    expect(nameOf(image, BARE)).toBe(`localhost:5000/${name}`);
  });

  it('cuts a name that is too long, and ends it in the hash of the source', () => {
    const source = `quay.io/${'long/'.repeat(48)}name`;
    const copy = backupOf(parseReference(`${source}:1`), KEEP_HOST);
    expect(repositoryOf(copy)).toHaveLength(LONGEST_NAME);
    expect(repositoryOf(copy)).toMatch(/^registry\.example\.com\/backup\/quay\.io\/long\/long\//);
    expect(copy.path.slice(-65)).toBe(`-${sha256(source)}`);
    expect(copy.tag).toBe('1');
  });

  it('cuts at a character that may end a name', () => {
    const fits = LONGEST_NAME - 'registry.example.com/backup/quay.io/'.length - 65;
    for (const end of ['/', '-', '__', '.']) {
      const source = `quay.io/${'a'.repeat(fits - 1)}${end}${'b'.repeat(80)}`;
      expect(backupOf(parseReference(source), KEEP_HOST).path).toBe(
        `backup/quay.io/${'a'.repeat(fits - 1)}-${sha256(source)}`,
      );
    }
  });

  it('hashes a name that looks like a cut one', () => {
    const source = `quay.io/a-${'0'.repeat(64)}`;
    expect(backupOf(parseReference(source), KEEP_HOST).path).toBe(`backup/${source}-${sha256(source)}`);
  });
});

describe('backupOf with flat', () => {
  it.each(names.flat.copies)('calls the copy of $image $backup', ({ image, backup }) => {
    expect(nameOf(image, FLAT)).toBe(backup);
  });

  it.each([
    ['library/deep/er:1', 'library-deep-er'],
    ['a__b/c.d--e:1', 'a--b-c-d--e'],
    ['[::1]:5000/app:1', 'ipv6-0000-0000-0000-0000-0000-0000-0000-0001-5000-app'],
    [`x-${'0'.repeat(64)}:1`, `library-x-${'0'.repeat(64)}`],
  ])('makes one component of %s', (image, slug) => {
    const hash = sha256(repositoryOf(parseReference(image))).slice(0, 10);
    expect(nameOf(image, FLAT)).toBe(`quickdevnotes/${slug}-${hash}:1`);
  });

  it('keeps the digest of an official image', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(nameOf(`alpine@${digest}`, FLAT)).toBe(`quickdevnotes/alpine@${digest}`);
    expect(nameOf(`alpine:3@${digest}`, FLAT)).toBe(`quickdevnotes/alpine:3@${digest}`);
  });

  it('cuts a name that is too long, and ends it in the whole hash', () => {
    const source = `quay.io/${'long/'.repeat(48)}name`;
    const copy = backupOf(parseReference(source), FLAT);
    expect(repositoryOf(copy)).toHaveLength(LONGEST_NAME);
    expect(copy.path).toMatch(/^quickdevnotes\/quay-io-long-long-/);
    expect(copy.path.slice(-65)).toBe(`-${sha256(source)}`);
  });

  it('cuts an official name for which there is no room', () => {
    const source = `docker.io/library/${'a'.repeat(100)}`;
    const copy = backupOf(parseReference(source), LONG);
    expect(repositoryOf(copy).length).toBeLessThanOrEqual(LONGEST_NAME);
    expect(copy.path.slice(-65)).toBe(`-${sha256(source)}`);
  });
});

describe('backupOf with basename', () => {
  const BASE: Naming = { prefix: parsePrefix('quickdevnotes', undefined), scheme: 'basename' };
  const LONG_BASE: Naming = { ...LONG, scheme: 'basename' };

  it.each([
    ['alpine:3.12', 'quickdevnotes/alpine:3.12'],
    ['quay.io/a/app:1', 'quickdevnotes/app:1'],
    ['ghcr.io/b/c/app:1', 'quickdevnotes/app:1'],
    [`quay.io/a/app@sha256:${'a'.repeat(64)}`, `quickdevnotes/app@sha256:${'a'.repeat(64)}`],
  ])('calls the copy of %s as image-cloner did that was written in Go: %s', (image, name) => {
    expect(nameOf(image, BASE)).toBe(name);
  });

  it.each([`a/x-${'0'.repeat(64)}`, 'a/ns__team__app'])(
    'gives way with %s to what others are called',
    (image) => {
      const source = parseReference(image);
      expect(backupOf(source, BASE).path.slice(-65)).toBe(`-${sha256(repositoryOf(source))}`);
    },
  );

  it('cuts a name that is too long', () => {
    const source = parseReference(`quay.io/a/${'b'.repeat(200)}`);
    expect(repositoryOf(backupOf(source, LONG_BASE)).length).toBeLessThanOrEqual(LONGEST_NAME);
  });

  it.each([
    [BASE, true],
    [FLAT, false],
    [KEEP_HOST, false],
  ])('is known to give one name to several sources', (naming, expected) => {
    expect(isShared(naming)).toBe(expected);
  });
});

describe('backupOf, under any naming that is injective,', () => {
  const namings = fc.constantFrom(...NAMINGS);

  it('gives a reference that can be read, lives under the prefix and keeps tag and digest', () => {
    fc.assert(
      fc.property(references, namings, (source, naming) => {
        const copy = backupOf(source, naming);
        expect(parseReference(familiarReference(copy))).toEqual(copy);
        expect(isBackup(copy, naming.prefix)).toBe(true);
        expect([copy.tag, copy.digest]).toEqual([source.tag, source.digest]);
      }),
    );
  });

  it('never gives one name to two sources', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(references, { selector: identity, minLength: 2 }),
        namings,
        (sources, naming) => {
          const copies = sources.map((source) => formatReference(backupOf(source, naming)));
          expect(new Set(copies).size).toBe(sources.length);
        },
      ),
    );
  });

  it('never gives one name to two sources that differ in a separator, a level, a port or the host', () => {
    const words = fc.array(fc.constantFrom<string>('a', 'b', '1', 'io', 'library', '5000'), {
      minLength: 2,
      maxLength: 5,
    });
    const separators = fc.array(fc.constantFrom('/', '.', '-', '--', '_', '__', ':'), {
      minLength: 4,
      maxLength: 4,
    });
    const text = fc
      .tuple(words, separators)
      .map(([parts, between]) =>
        parts.reduce((name, part, index) => name + (between[index - 1] ?? '') + part),
      );
    const similar = text.map((name) => readReference(name)).filter((reference) => reference !== undefined);
    fc.assert(
      fc.property(
        fc.uniqueArray(similar, { selector: identity, minLength: 2 }),
        namings,
        (sources, naming) => {
          const copies = sources.map((source) => formatReference(backupOf(source, naming)));
          expect(new Set(copies).size).toBe(sources.length);
        },
      ),
    );
  });

  it('never gives to a source whose name was made up from a copy the name of that copy', () => {
    fc.assert(
      fc.property(references, namings, fc.boolean(), (victim, naming, isOfficial) => {
        const wanted = backupOf(victim, naming);
        for (const forged of forgeries(victim, wanted, naming, isOfficial)) {
          fc.pre(identity(forged) !== identity(victim));
          expect(formatReference(backupOf(forged, naming))).not.toBe(formatReference(wanted));
        }
      }),
    );
  });

  it.each([
    ['bitnami/redis:7', 'bitnami-redis:7', FLAT],
    ['bitnami/redis:7', 'library/bitnami-redis-4f9d345bdf:7', FLAT],
    ['bitnami/redis:7', 'bitnami-redis-4f9d345bdf:7', FLAT],
    ['quay.io/a/b:1', 'quay/io-a-b:1', FLAT],
    ['alpine:1', 'docker.io/x/alpine:1', FLAT],
    ['alpine:1', 'evil.example.com/library/alpine:1', FLAT],
    ['alpine:1', 'evil.example.com/alpine:1', KEEP_HOST],
    ['localhost:5000/a:1', 'localhost.5000/a:1', KEEP_HOST],
    ['[::1]:5000/a:1', '[::1:5000]/a:1', KEEP_HOST],
    ['alpine:1', 'registry.example.com/docker.io/library/alpine:1', KEEP_HOST],
  ])('keeps %s apart from %s', (one, other, naming) => {
    expect(nameOf(one, naming)).not.toBe(nameOf(other, naming));
  });
});

/** Sources that an attacker could register who knows what the copy of another source is called. */
function forgeries(
  victim: Reference,
  copy: Reference,
  { prefix }: Naming,
  isOfficial: boolean,
): readonly Reference[] {
  const name = prefix.path === '' ? copy.path : copy.path.slice(prefix.path.length + 1);
  const [first = '', ...rest] = name.split('/');
  return [
    { ...copy, host: victim.host, path: name },
    { ...copy, host: victim.host, path: rest.join('/') || first },
    { ...copy, host: 'docker.io', path: isOfficial ? `library/${name}` : name },
    { ...copy, host: 'docker.io', path: name.replace('-', '/') },
  ].flatMap((forged) => readReference(formatReference(forged)) ?? []);
}

describe('defaultScheme', () => {
  it.each([
    ['docker.io/bob', 'flat'],
    ['index.docker.io/bob', 'flat'],
    ['registry.example.com/backup', 'keep-host'],
    ['localhost:5000', 'keep-host'],
  ])('below %s is %s', (registry, scheme) => {
    expect(defaultScheme(parsePrefix(registry, undefined))).toBe(scheme);
  });
});

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('isCopyOf', () => {
  it.each([
    ['alpine:3.12', 'quickdevnotes/alpine:3.12', true],
    ['docker.io/library/alpine:3.12', 'quickdevnotes/alpine:3.12', true],
    ['alpine', 'quickdevnotes/alpine:latest', true],
    ['alpine:3.13', 'quickdevnotes/alpine:3.12', false],
    ['evil.example.com/alpine:3.12', 'quickdevnotes/alpine:3.12', false],
    ['alpine:3.12', 'alpine:3.12', false],
    ['not a reference', 'quickdevnotes/alpine:3.12', false],
    ['alpine:3.12', 'not a reference', false],
    ['', '', false],
    ['alpine:3.12', `quickdevnotes/alpine:3.12@${DIGEST}`, true],
    ['alpine:3.12', `quickdevnotes/alpine:3.13@${DIGEST}`, false],
    ['alpine:3.12', 'quickdevnotes/alpine:3.12@', false],
    ['alpine:3.12', 'quickdevnotes/alpine:3.12@sha256:beef', false],
    [`alpine@${DIGEST}`, `quickdevnotes/alpine@${DIGEST}`, true],
    [`alpine@${DIGEST}`, `quickdevnotes/alpine@${DIGEST.replace('a', 'b')}`, false],
  ])('of %j and %j is %s', (source, image, expected) => {
    expect(isCopyOf(source, image, FLAT)).toBe(expected);
  });

  it('lets faults that are no bad reference pass', () => {
    const broken: Naming = JSON.parse('{"scheme":"none","prefix":{"host":"a","path":"b"}}');
    expect(() => isCopyOf('alpine', 'alpine', broken)).toThrow(TypeError);
  });
});
