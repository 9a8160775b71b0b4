import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digests } from '../../test/arbitraries/reference.ts';
import {
  algorithmOf,
  contradicts,
  type Digest,
  digestOf,
  hasherFor,
  hexOf,
  InvalidDigestError,
  isDigest,
  parseDigest,
} from './digest.ts';

/** sha256 of nothing, as every tool prints it. */
const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe('parseDigest', () => {
  it('gives back every digest that is well formed', () => {
    fc.assert(
      fc.property(digests, (digest) => {
        expect(parseDigest(digest)).toBe(digest);
      }),
    );
  });

  it.each([
    '',
    ':',
    'sha256',
    'sha256:',
    ':e3b0',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'g'.repeat(64)}`,
    `sha256:${'a'.repeat(63)}\n`,
    `sha256:${'a'.repeat(64)}\n`,
    ` sha256:${'a'.repeat(64)}`,
    `SHA256:${'a'.repeat(64)}`,
    `sha256 :${'a'.repeat(64)}`,
    `sha256:sha256:${'a'.repeat(57)}`,
    `sha384:${'a'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha1:${'a'.repeat(40)}`,
    `md5:${'a'.repeat(32)}`,
    `sha256+b64:${'a'.repeat(64)}`,
    `__proto__:${'a'.repeat(64)}`,
    `toString:${'a'.repeat(64)}`,
    `sha256:${'../'.repeat(21)}a`,
    `sha256:${'%2e'.repeat(21)}a`,
    `sha256:${'ａ'.repeat(64)}`,
  ])('refuses %j', (text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(InvalidDigestError);
  });

  it('says what it wanted and shows only the beginning of a long text', () => {
    expect(() => parseDigest('sha1:aa')).toThrow(
      'Cannot read digest "sha1:aa": wanted sha256, sha384 or sha512 with lower-case hex of full length',
    );
    expect(new InvalidDigestError('x'.repeat(10_000)).message.length).toBeLessThan(300);
    expect(new InvalidDigestError('x').code).toBe('INVALID_DIGEST');
  });
});

describe('digestOf', () => {
  it('is sha256 unless told otherwise', () => {
    expect(digestOf(new Uint8Array())).toBe(EMPTY);
    expect(algorithmOf(digestOf(new Uint8Array(), 'sha512'))).toBe('sha512');
  });

  it('agrees with a running hash over the same bytes in pieces', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.uint8Array(),
        fc.constantFrom('sha256', 'sha384', 'sha512'),
        (a, b, algorithm) => {
          const digest = digestOf(Buffer.concat([a, b]), algorithm);
          expect(isDigest(digest)).toBe(true);
          expect(hasherFor(digest).update(a).update(b).digest('hex')).toBe(hexOf(digest));
        },
      ),
    );
  });

  it('hashes what it is given', () => {
    const bytes = Buffer.from('alpine');
    expect(hexOf(digestOf(bytes, 'sha384'))).toBe(createHash('sha384').update(bytes).digest('hex'));
  });
});

describe('contradicts', () => {
  const [one, other] = [digestOf(Buffer.from('one')), digestOf(Buffer.from('other'))];

  it.each([
    ['two of one algorithm that differ', one, other, true],
    ['the same twice', one, one, false],
    [
      'one of each algorithm: they may be of the same content',
      one,
      digestOf(Buffer.from('other'), 'sha512'),
      false,
    ],
  ])('%s', (_what, left, right, expected) => {
    expect(contradicts(left, right)).toBe(expected);
  });
});

describe('algorithmOf', () => {
  it('refuses a text that was only called a digest', () => {
    const forged: Digest = JSON.parse('"constructor:aa"');
    expect(() => algorithmOf(forged)).toThrow(InvalidDigestError);
    expect(() => hasherFor(forged)).toThrow(InvalidDigestError);
  });
});
