import { expect, it } from 'vitest';
import { swapGlobToRegExp } from './swap-glob.ts';

it.each<[string, string, boolean]>([
  ['a', 'a', true],
  ['a', 'ab', false],
  ['*', 'a/b:1', true],
  ['a*c', 'a/b/c', true],
  ['a**c', 'ac', true],
  ['a?c', 'a/c', true],
  ['a?c', 'ac', false],
  ['a.c', 'abc', false],
  ['a[bc]d', 'acd', true],
  ['a[bc]d', 'aed', false],
  ['a[b-d]e', 'ace', true],
  ['a[!b]c', 'adc', true],
  ['a[!b]c', 'abc', false],
  ['a[]]c', 'a]c', true],
  ['a[^b]c', 'a^c', true],
  ['a[b', 'a[b', true],
  ['a(b)+$', 'a(b)+$', true],
  ['*:v1.?', 'x/y:v1.2', true],
])('%s matches %s: %s', (glob, text, expected) => {
  expect(swapGlobToRegExp(glob).test(text)).toBe(expected);
});
