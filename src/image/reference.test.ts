import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import { thrownBy } from '../../test/fakes/thrown.ts';
import names from '../../test/fixtures/names.json' with { type: 'json' };
import { parseDigest } from './digest.ts';
import {
  anchorTagOf,
  digestTagOf,
  familiarReference,
  formatReference,
  InvalidReferenceError,
  identifierOf,
  isOfficial,
  LONGEST_NAME,
  parseReference,
  readReference,
  repositoryOf,
} from './reference.ts';

const HEX = '87703314048c40236c6d674424159ee862e2b96ce1c37c62d877e21ed27a387e';
const DIGEST = parseDigest(`sha256:${HEX}`);

describe('parseReference', () => {
  it.each(names.keepHost.copies)('normalises $image to $normalized', ({ image, normalized }) => {
    expect(formatReference(parseReference(image))).toBe(normalized);
  });

  it.each([
    ['alpine', 'docker.io', 'library/alpine', 'latest'],
    ['docker.io/alpine:3', 'docker.io', 'library/alpine', '3'],
    ['index.docker.io/alpine:3', 'docker.io', 'library/alpine', '3'],
    ['index.docker.io/a/b:3', 'docker.io', 'a/b', '3'],
    ['DOCKER.IO/alpine:3', 'docker.io', 'library/alpine', '3'],
    ['library/alpine:3', 'docker.io', 'library/alpine', '3'],
    ['library/deep/er:3', 'docker.io', 'library/deep/er', '3'],
    ['localhost/app:1', 'localhost', 'app', '1'],
    ['localhost', 'docker.io', 'library/localhost', 'latest'],
    ['localhost:5000', 'docker.io', 'library/localhost', '5000'],
    ['registry:5000/app', 'registry:5000', 'app', 'latest'],
    ['Host/app:1', 'host', 'app', '1'],
    ['docker.io:443/library/app:1', 'docker.io:443', 'library/app', '1'],
    ['127.0.0.1:5000/app:1', '127.0.0.1:5000', 'app', '1'],
    ['[::1]/app:1', '[::1]', 'app', '1'],
    ['[2001:DB8::1]:5000/app:1', '[2001:db8::1]:5000', 'app', '1'],
    ['a.b/c__d/e--f/g.h_i:1', 'a.b', 'c__d/e--f/g.h_i', '1'],
    ['a.b/c:_under', 'a.b', 'c', '_under'],
    ['a.b/c:V1.2-rc.3_x', 'a.b', 'c', 'V1.2-rc.3_x'],
    [`a.b/c:${'t'.repeat(128)}`, 'a.b', 'c', 't'.repeat(128)],
  ])('reads %s', (text, host, path, tag) => {
    expect(parseReference(text)).toEqual({ host, path, tag });
  });

  it('keeps a digest without making up a tag', () => {
    expect(parseReference(`a.b/c@${DIGEST}`)).toEqual({ host: 'a.b', path: 'c', digest: DIGEST });
  });

  it('keeps tag and digest', () => {
    expect(parseReference(`a.b/c:1@${DIGEST}`)).toEqual({ host: 'a.b', path: 'c', tag: '1', digest: DIGEST });
  });

  it.each([
    ['sha384', 96],
    ['sha512', 128],
  ])('reads digests of %s', (algorithm, length) => {
    expect(parseReference(`a.b/c@${algorithm}:${'a'.repeat(length)}`).digest).toBe(
      `${algorithm}:${'a'.repeat(length)}`,
    );
  });

  it('takes 64 hex digits for a name when more than that is written', () => {
    expect(parseReference(`${HEX}:1`)).toEqual({ host: 'docker.io', path: `library/${HEX}`, tag: '1' });
    expect(parseReference(`docker.io/${HEX}`).path).toBe(`library/${HEX}`);
  });

  it('reads a name of the greatest length and none that is longer', () => {
    const longest = `a.b/${'c'.repeat(LONGEST_NAME - 4)}`;
    expect(repositoryOf(parseReference(longest))).toBe(longest);
    expect(() => parseReference(`${longest}c`)).toThrow('at most 255 characters, got 256');
  });

  it.each([
    ...names.notReferences,
    ' alpine',
    'alpine ',
    'alpine\n',
    'al pine',
    'alpine:3 12',
    'Alpine',
    'a.b/C',
    'a.b/',
    '/alpine',
    'a.b//c',
    'a.b/c/',
    'a.b/../c',
    'a.b/%2e%2e/c',
    'a.b/c?x=1',
    'a.b/c#x',
    'a.b/_c',
    'a.b/c_',
    'a.b/c___d',
    'a.b/c..d',
    'a.b/c._d',
    'a..b/c',
    '.a/c',
    'a./c',
    '-a.b/c',
    'a-.b/c',
    'a_b.c/d',
    'user@a.b/c',
    'user:secret@a.b/c',
    'a.b:/c',
    'a.b:x/c',
    'a.b:123456/c',
    'a.b:5000:1/c',
    '[]/c',
    '[::1/c',
    '[fe80::1%25eth0]/c',
    '[::ffff:127.0.0.1]/c',
    '[1:2:3]/c',
    '[::1]:/c',
    'a.b/c:',
    'a.b/c:.1',
    'a.b/c:-1',
    `a.b/c:${'t'.repeat(129)}`,
    'a.b/c:ü',
    'ünïcode/c',
    'a.b/c@',
    'a.b/c@sha256',
    'a.b/c@sha256:',
    `a.b/c@sha256:${'A'.repeat(64)}`,
    `a.b/c@sha256:${'g'.repeat(64)}`,
    `a.b/c@sha256:${'a'.repeat(63)}`,
    `a.b/c@md5:${'a'.repeat(32)}`,
    `a.b/c@${DIGEST}@${DIGEST}`,
    `a.b/c@${DIGEST}:1`,
    `@${DIGEST}`,
    ':1',
    '@',
    '/',
    HEX,
    'oci:a/b',
    'docker://alpine',
    '__proto__',
    'constructor/__proto__',
    'a\u0000b',
    'a.b/c\u202Ed',
    '${IMAGE}',
    '{{ .Values.image }}',
    'x'.repeat(521),
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(InvalidReferenceError);
  });

  it('says what it wanted, and shows no more of the text than a reference can have', () => {
    expect(() => parseReference('a.b/C:1')).toThrow(
      'Cannot read image reference "a.b/C:1": wanted lower-case letters and digits, joined by ".", "_" or "-", got "C"',
    );
    const thrown = thrownBy(() => parseReference('x'.repeat(100_000)));
    expect(thrown).toMatchObject({
      code: 'INVALID_REFERENCE',
      message: expect.stringContaining('wanted 1 to 520 characters'),
    });
    expect(String(thrown).length).toBeLessThan(700);
  });

  it('answers any text with a reference or with its own error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aA0/:@.-_[]%\u0000 ü\ud800'.split('')) }), (text) => {
        const thrown = thrownBy(() => parseReference(text));
        expect(thrown === undefined || thrown instanceof InvalidReferenceError).toBe(true);
      }),
    );
  });
});

describe('readReference', () => {
  it('reads what parseReference reads', () => {
    fc.assert(
      fc.property(references, (reference) => {
        expect(readReference(formatReference(reference))).toEqual(reference);
      }),
    );
  });

  it.each(names.notReferences)('finds no reference in %j', (text) => {
    expect(readReference(text)).toBeUndefined();
  });
});

describe('formatReference', () => {
  it('is what parseReference reads, for every reference', () => {
    fc.assert(
      fc.property(references, (reference) => {
        expect(parseReference(formatReference(reference))).toEqual(reference);
      }),
    );
  });
});

describe('familiarReference', () => {
  it.each([
    ['docker.io/library/alpine:3', 'alpine:3'],
    ['docker.io/bitnami/redis:7', 'bitnami/redis:7'],
    ['docker.io/library/deep/er:1', 'library/deep/er:1'],
    ['docker.io/a.b/c:1', 'docker.io/a.b/c:1'],
    ['docker.io/localhost/c:1', 'docker.io/localhost/c:1'],
    ['docker.io/library/a.b:1', 'a.b:1'],
    ['quay.io/library/alpine:3', 'quay.io/library/alpine:3'],
    [`docker.io/library/alpine:3@${DIGEST}`, `alpine:3@${DIGEST}`],
  ])('writes %s as %s', (full, familiar) => {
    expect(familiarReference(parseReference(full))).toBe(familiar);
  });

  it('means the same as the full form, for every reference', () => {
    fc.assert(
      fc.property(references, (reference) => {
        expect(parseReference(familiarReference(reference))).toEqual(reference);
      }),
    );
  });
});

describe('identifierOf', () => {
  it.each([
    ['a.b/c:1', '1'],
    ['a.b/c', 'latest'],
    [`a.b/c@${DIGEST}`, DIGEST],
    [`a.b/c:1@${DIGEST}`, DIGEST],
  ])('asks for %s by %s', (text, identifier) => {
    expect(identifierOf(parseReference(text))).toBe(identifier);
  });

  it('asks for latest where a reference was made without version', () => {
    expect(identifierOf({ host: 'a.b', path: 'c' })).toBe('latest');
  });
});

describe('isOfficial', () => {
  it.each([
    ['alpine', true],
    ['bitnami/redis', false],
    ['quay.io/library/alpine', false],
    ['librarian/alpine', false],
  ])('of %s is %s', (text, expected) => {
    expect(isOfficial(parseReference(text))).toBe(expected);
  });
});

describe('anchorTagOf', () => {
  it.each([
    ['a.b/c:1', '1'],
    [`a.b/c:1@${DIGEST}`, '1'],
    [`a.b/c@${DIGEST}`, `digest-${HEX}`],
  ])('keeps the copy of %s by tag %s', (text, tag) => {
    expect(anchorTagOf(parseReference(text))).toBe(tag);
  });

  it('keeps a reference without version as latest', () => {
    expect(anchorTagOf({ host: 'a.b', path: 'c' })).toBe('latest');
  });

  it('makes a tag that registries take of every digest', () => {
    const tag = digestTagOf(parseDigest(`sha512:${'a'.repeat(128)}`));
    expect(parseReference(`a.b/c:${tag}`).tag).toBe(tag);
  });
});
