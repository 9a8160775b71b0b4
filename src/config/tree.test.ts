import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepFreeze, type Tree, valueAt, withSection, withValue } from './tree.ts';

describe('a tree of settings', () => {
  test.each<[string, Record<string, unknown>, string[], unknown]>([
    ['a new section', {}, ['a', 'b'], { a: { b: 1 } }],
    ['a section that is there', { a: { c: 2 } }, ['a', 'b'], { a: { b: 1, c: 2 } }],
    ['a section without lines', { a: null }, ['a', 'b'], { a: { b: 1 } }],
    ['a section that is text stays, for the check to find', { a: 'x' }, ['a', 'b'], { a: 'x' }],
    ['a section that is a list stays', { a: [] }, ['a', 'b'], { a: [] }],
    ['the top', { b: 2 }, ['b'], { b: 1 }],
    ['no path', { b: 2 }, [], { b: 2 }],
    ['what is inherited is not there', {}, ['toString', 'b'], { toString: { b: 1 } }],
  ])('takes a value into %s', (_name, tree, path, expected) => {
    expect(withValue(tree, path, 1)).toEqual(expected);
  });

  test('makes sections that are missing or empty, and no others', () => {
    const tree: Tree = { empty: null, full: { x: 1 }, text: 'x' };
    const made = ['empty', 'full', 'text', 'missing'].reduce((all, name) => withSection(all, [name]), tree);
    expect(made).toEqual({ empty: {}, full: { x: 1 }, text: 'x', missing: {} });
  });

  test('is not changed by laying a value over it', () => {
    const tree = deepFreeze({ a: { b: 1 } });
    expect(withValue(tree, ['a', 'b'], 2)).toEqual({ a: { b: 2 } });
    expect(tree).toEqual({ a: { b: 1 } });
  });

  test.each<[PropertyKey[], unknown]>([
    [['a', 'list', 1], 'y'],
    [['a'], { list: ['x', 'y'] }],
    [[], { a: { list: ['x', 'y'] } }],
    [['a', 'missing', 'deep'], undefined],
    [['toString'], undefined],
  ])('has under %j', (path, expected) => {
    expect(valueAt({ a: { list: ['x', 'y'] } }, path)).toEqual(expected);
  });

  test('gives back what was put in', () => {
    const path = fc.array(fc.string(), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(path, fc.anything(), (keys, value) => {
        expect(valueAt(withValue({}, keys, value), keys)).toBe(value);
      }),
    );
  });

  test('frozen, is frozen to its leaves, also where it holds itself', () => {
    const loop: Record<string, unknown> = { list: [{ deep: 1 }] };
    loop['self'] = loop;
    deepFreeze(loop);
    expect(Object.isFrozen(valueAt(loop, ['list', 0]))).toBe(true);
  });
});
