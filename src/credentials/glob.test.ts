import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { globMatches } from './glob.ts';

describe('globMatches()', () => {
  test.each([
    ['', ''],
    ['*', ''],
    ['*', 'registry'],
    ['**', 'registry'],
    ['app*', 'app'],
    ['app*', 'app-1'],
    ['*app', 'my-app'],
    ['a*c', 'abc'],
    ['a*b*c', 'axxbyybzzc'],
    ['*a*a', 'aaaa'],
    ['exact', 'exact'],
  ])('%j fits %j', (pattern, text) => {
    expect(globMatches(pattern, text)).toBe(true);
  });

  test.each([
    ['', 'a'],
    ['a', ''],
    ['app*', 'ap'],
    ['*app', 'app1'],
    ['a*c', 'abd'],
    ['a*b*c', 'acb'],
    ['exact', 'exactly'],
    ['exactly', 'exact'],
    // Only the star is special.
    ['a?c', 'abc'],
    ['[abc]', 'a'],
    ['a.c', 'abc'],
    [String.raw`\*`, '*'],
  ])('%j does not fit %j', (pattern, text) => {
    expect(globMatches(pattern, text)).toBe(false);
  });

  test('needs no exponential time where a regular expression would', () => {
    expect(globMatches(`${'*a'.repeat(60)}b`, 'a'.repeat(255))).toBe(false);
  });

  test('agrees with the obvious definition', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, text, (glob, value) => {
        expect(globMatches(glob, value)).toBe(obviously(glob, value));
      }),
    );
  });
});

function obviously(glob: string, text: string): boolean {
  if (glob === '') return text === '';
  if (glob.startsWith('*'))
    return obviously(glob.slice(1), text) || (text !== '' && obviously(glob, text.slice(1)));
  return text.startsWith(glob.slice(0, 1)) && obviously(glob.slice(1), text.slice(1));
}
