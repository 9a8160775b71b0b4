import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration } from './duration.ts';

describe('parseDuration()', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['-0', 0],
    ['10s', 10_000],
    ['12h', 43_200_000],
    ['1h30m', 5_400_000],
    ['1h0m0.5s', 3_600_500],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['+1s', 1000],
    ['300ms', 300],
    ['2000us', 2],
    ['2000µs', 2],
    ['3000000ns', 3],
  ])('reads %j', (text, size) => {
    expect(parseDuration(text)).toBeCloseTo(size, 6);
  });

  test.each([
    [''],
    ['10'],
    ['s'],
    ['.s'],
    ['-1s'],
    ['1d'],
    ['1 h'],
    ['1h '],
    ['1e3s'],
    ['1h-1m'],
    ['Infinity'],
    ['9999999999999h'],
    [`${'9'.repeat(400)}s`],
    [10],
    [null],
    [undefined],
    [{}],
    [['1s']],
  ])('finds no duration in %j', (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });

  test('reads what is put together from hours, minutes and seconds', () => {
    const amount = fc.nat({ max: 10_000 });
    fc.assert(
      fc.property(amount, amount, amount, (hours, minutes, seconds) => {
        const wanted = ((hours * 60 + minutes) * 60 + seconds) * 1000;
        expect(parseDuration(`${hours}h${minutes}m${seconds}s`)).toBe(wanted);
      }),
    );
  });
});
