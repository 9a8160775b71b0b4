import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globToRegExp } from './glob.ts';

describe('globToRegExp', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['team-*', 'team-a', true],
    ['team-*', 'team-', true],
    ['team-*', 'my-team-a', false],
    ['*', 'a', true],
    ['*', 'a/b', false],
    ['**', 'a/b/c', true],
    ['a/**', 'a/b/c', true],
    ['a/**', 'a', false],
    ['a/*/c', 'a/b/c', true],
    ['a/*/c', 'a/b/b/c', false],
    ['a/**/c', 'a/b/b/c', true],
    ['***', 'a/b', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a?c', 'a/c', false],
    ['a.b', 'axb', false],
    ['a+(b)[c]{d}|^$\\', 'a+(b)[c]{d}|^$\\', true],
    ['*', 'a\nb', true],
    ['a', 'a\n', false],
  ])('%j matches %j: %s', (glob, text, expected) => {
    expect(globToRegExp(glob).test(text)).toBe(expected);
  });

  it('takes every text without wildcards for itself alone', () => {
    const plain = fc.string({ unit: 'grapheme' }).filter((text) => !/[*?]/.test(text));
    fc.assert(
      fc.property(plain, plain, (glob, text) => {
        expect(globToRegExp(glob).test(glob)).toBe(true);
        expect(globToRegExp(glob).test(text)).toBe(text === glob);
      }),
    );
  });

  it('never throws, and `**` matches whatever one writes', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (glob, text) => {
        globToRegExp(glob).test(text);
        expect(globToRegExp('**').test(text)).toBe(true);
      }),
    );
  });
});
