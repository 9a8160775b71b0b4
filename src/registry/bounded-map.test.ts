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

test('an entry can be taken away, and makes room', () => {
  const map = new BoundedMap<string, number>(2);
  for (const key of ['a', 'b']) map.set(key, 1);
  map.delete('a');
  map.set('c', 1);
  expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([undefined, 1, 1]);
});

test('it never holds more than it may, whatever is written', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9)), fc.integer({ min: 1, max: 5 }), (written, most) => {
      const map = new BoundedMap<number, true>(most);
      for (const key of written) map.set(key, true);
      const kept = Array.from({ length: 10 }, (_, key) => key).filter((key) => map.get(key));
      expect(kept.length).toBe(Math.min(most, new Set(written).size));
    }),
  );
});
