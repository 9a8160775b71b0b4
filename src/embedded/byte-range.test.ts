import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { rangeFrom } from './byte-range.ts';

const size = fc.integer({ min: 0, max: 20 });
const offset = fc.integer({ min: 0, max: 25 });

test('whatever the header says, a range lies within the content', () => {
  const header = fc.oneof(
    fc.string(),
    fc.tuple(offset, offset).map(([start, end]) => `bytes=${start}-${end}`),
    offset.map((start) => `bytes=${start}-`),
    offset.map((count) => `bytes=-${count}`),
  );
  fc.assert(
    fc.property(header, size, (text, length) => {
      const range = rangeFrom(text, length);
      fc.pre(typeof range === 'object');
      expect(range.start).toBeGreaterThanOrEqual(0);
      expect(range.end).toBeGreaterThanOrEqual(range.start);
      expect(range.end).toBeLessThan(length);
    }),
  );
});

test('a first and a last byte select what a slice selects', () => {
  fc.assert(
    fc.property(offset, offset, size, (first, last, length) => {
      fc.pre(first <= last);
      const bytes = Array.from({ length }, (_, at) => at);
      const range = rangeFrom(`bytes=${first}-${last}`, length);
      const selected = typeof range === 'object' ? bytes.slice(range.start, range.end + 1) : [];
      expect(selected).toEqual(bytes.slice(first, last + 1));
    }),
  );
});

test('a number of last bytes selects what a slice from the end selects', () => {
  fc.assert(
    fc.property(offset, size, (count, length) => {
      const bytes = Array.from({ length }, (_, at) => at);
      const range = rangeFrom(`bytes=-${count}`, length);
      const selected = typeof range === 'object' ? bytes.slice(range.start, range.end + 1) : [];
      expect(selected).toEqual(bytes.slice(Math.max(length - count, 0)));
    }),
  );
});
