import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.ts';

test('the oldest entries are forgotten; writing an entry anew makes it young', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  map.set('c', 4);
  expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([3, undefined, 4]);
});

test('entries can be taken away, one or all', () => {
  const map = new BoundedMap<string, number>(3);
  for (const key of ['a', 'b', 'c']) map.set(key, 1);
  map.delete('a');
  map.set('d', 1);
  expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).toEqual([undefined, 1, 1, 1]);
  map.clear();
  expect(['b', 'c', 'd'].map((key) => map.get(key))).toEqual([undefined, undefined, undefined]);
});

test('the newest keys are there and no others, whatever is written', () => {
  const keys = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 50 });
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 5 }), (written, most) => {
      const map = new BoundedMap<number, number>(most);
      for (const key of written) map.set(key, key);
      const newest = [...new Set(written.toReversed())].slice(0, most);
      const kept = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((key) => map.get(key) !== undefined);
      expect(kept).toEqual(newest.toSorted((one, other) => one - other));
    }),
  );
});
