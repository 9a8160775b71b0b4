import { expect, test } from 'vitest';
import { parseCost } from './measurement.ts';

test.each([
  ['0.25 0.50 2048\n', { cpuMs: 750, peakBytes: 2_097_152 }],
  ['0.00 0.00 900\n', { cpuMs: 0, peakBytes: 921_600 }],
  ['Command exited with non-zero status 3\n1.10 0.20 100\n', { cpuMs: 1300, peakBytes: 102_400 }],
])('%j is read', (text, wanted) => {
  expect(parseCost(text)).toEqual(wanted);
});

test.each(['', '\n', '1.0 2.0'])('%j is no cost', (text) => {
  expect(() => parseCost(text)).toThrow(/^Cannot read the cost/);
});
