import { expect, test } from 'vitest';
import { formatBytes } from './format.ts';

test.each([
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [200 * 1024, '200 KiB'],
  [1024 ** 2, '1.0 MiB'],
  [1.5 * 1024 ** 3, '1.5 GiB'],
  [2000 * 1024 ** 4, '2000 TiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
