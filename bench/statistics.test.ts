import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { median, pairedRatio, percentile } from './statistics.ts';

test.each([
  { values: [3], wanted: 3 },
  { values: [9, 1, 5], wanted: 5 },
  { values: [10, 1, 2, 3], wanted: 2.5 },
  { values: [], wanted: Number.NaN },
])('the median of $values is $wanted', ({ values, wanted }) => {
  expect(median(values)).toBe(wanted);
});

test('the median lies between the extremes, whatever the order', () => {
  const someNumbers = fc.array(fc.integer(), { minLength: 1 });
  fc.assert(
    fc.property(someNumbers, (values) => {
      const middle = median(values);
      expect(middle).toBeGreaterThanOrEqual(Math.min(...values));
      expect(middle).toBeLessThanOrEqual(Math.max(...values));
      expect(median(values.toReversed())).toBe(middle);
    }),
  );
});

const HUNDRED = Array.from({ length: 100 }, (_, index) => 100 - index);

test.each([
  { share: 0, wanted: 1 },
  { share: 0.5, wanted: 50 },
  { share: 0.99, wanted: 99 },
  { share: 1, wanted: 100 },
])('of 1 to 100 the share $share does not exceed $wanted', ({ share, wanted }) => {
  expect(percentile(HUNDRED, share)).toBe(wanted);
});

test('there is no percentile of nothing', () => {
  expect(percentile([], 0.5)).toBeNaN();
});

test('a percentile is one of the values, and the share of them is not above it', () => {
  const someNumbers = fc.array(fc.integer(), { minLength: 1 });
  fc.assert(
    fc.property(someNumbers, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const found = percentile(values, share);
      expect(values).toContain(found);
      const notAbove = values.filter((value) => value <= found).length;
      expect(notAbove).toBeGreaterThanOrEqual(share * values.length);
    }),
  );
});

test('a round in which everything was slow does not change the ratio', () => {
  expect(pairedRatio([2, 200, 2], [4, 400, 4])).toBe(0.5);
});

test('rounds that only one of the two ran are left out of the ratio', () => {
  expect(pairedRatio([2, 8, 8], [4])).toBe(0.5);
  expect(pairedRatio([1], [])).toBeNaN();
});
