import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Warnings } from './warning.ts';

describe('a warning', () => {
  test.each([
    ['299 - "pull limit changes in May"', ['pull limit changes in May']],
    [String.raw`299 - "say \"no\" \\ yes"`, [String.raw`say "no" \ yes`]],
    ['299 - "dated" "Wed, 21 Oct 2015 07:28:00 GMT"', ['dated']],
    [
      ['299 - "one"', '299 - "two"', '299 - "one"'],
      ['one', 'two'],
    ],
    [undefined, []],
    ['', []],
    ['110 - "stale"', []],
    ['299 proxy "not the registry"', []],
    ['299 - unquoted', []],
    ['299 - "unclosed', []],
  ])('%j says %j', (header, texts) => {
    expect(new Warnings().fresh(header)).toEqual(texts);
  });

  test('is surfaced once', () => {
    const warnings = new Warnings();
    expect(warnings.fresh('299 - "one"')).toEqual(['one']);
    expect(warnings.fresh(['299 - "one"', '299 - "two"'])).toEqual(['two']);
  });

  test('is cut', () => {
    expect(new Warnings().fresh(`299 - "${'x'.repeat(4096)}"`)).toEqual(['x'.repeat(300)]);
  });

  test('of a registry that makes up new ones all the time is heard a hundred times', () => {
    const warnings = new Warnings();
    const heard = Array.from({ length: 500 }, (_, index) => warnings.fresh(`299 - "number ${index}"`)).flat();
    expect(heard).toHaveLength(100);
  });

  test('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(new Warnings().fresh([text, `299 - "${text}`]).length).toBeLessThanOrEqual(2);
      }),
    );
  });
});
