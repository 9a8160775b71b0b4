import { expect, test } from 'vitest';
import { field } from './webhook.ts';

const STATUS = 'Name:\tnode\nVmPeak:\t 1200 kB\nVmHWM:\t  110592 kB\nVmRSS:\t   98304 kB\nThreads:\t11\n';

test.each([
  ['VmHWM', 113_246_208],
  ['VmRSS', 100_663_296],
])('%s is read from what the kernel says', (name, bytes) => {
  expect(field(STATUS, name)).toBe(bytes);
});

test('a field that is not there is an error and not a zero', () => {
  expect(() => field(STATUS, 'VmSwap')).toThrow('Cannot find "VmSwap"');
});
