import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAtLeast, negotiate, SPOKEN } from './api-version.ts';

const OURS = { oldest: '1.41', newest: '1.51' };

function agreed(newest: string, oldest?: string): string {
  return negotiate({ ApiVersion: newest, MinAPIVersion: oldest }, OURS, 'ask');
}

describe('the version that both speak', () => {
  test.each([
    ['dockerd 20.10', '1.41', '1.12', '1.41'],
    ['dockerd 25', '1.44', '1.24', '1.44'],
    ['dockerd 28.5', '1.51', '1.24', '1.51'],
    ['Engine 29', '1.52', '1.44', '1.51'],
    ['a daemon of ten years on', '1.99', '1.51', '1.51'],
    ['the next great version', '2.0', '1.50', '1.51'],
    ['a daemon that speaks one alone', '1.45', '1.45', '1.45'],
    ['a daemon that names no oldest', '1.43', undefined, '1.43'],
  ])('of %s', (_who, newest, oldest, version) => {
    expect(agreed(newest, oldest)).toBe(version);
  });

  test.each([
    ['dockerd 19.03', '1.40', '1.12', '1.12 to 1.40'],
    ['a daemon that left ours behind', '1.60', '1.52', '1.52 to 1.60'],
    ['the one after the next', '2.7', '2.0', '2.0 to 2.7'],
    ['podman of old', '1.24', undefined, '0.0 to 1.24'],
  ])('does not exist with %s', (_who, newest, oldest, range) => {
    expect(() => agreed(newest, oldest)).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED_VERSION',
        retriable: false,
        message: `Cannot ask: the daemon speaks API versions ${range}, image-cloner 1.41 to 1.51`,
      }),
    );
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', []],
    ['text', '1.41'],
    ['no version', {}],
    ['a number', { ApiVersion: 1.41 }],
    ['words', { ApiVersion: 'latest' }],
    ['three numbers', { ApiVersion: '1.41.0' }],
    ['a version that would be a path', { ApiVersion: '1.41/../..' }],
    ['no digits', { ApiVersion: '1.' }],
    ['an oldest of another form', { ApiVersion: '1.41', MinAPIVersion: 1 }],
    ['an oldest of words', { ApiVersion: '1.41', MinAPIVersion: 'none' }],
  ])('is not read out of %s', (_what, answer) => {
    expect(() => negotiate(answer, SPOKEN, 'ask')).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });

  test('is one that both speak, whatever they speak', () => {
    const minor = fc.integer({ min: 0, max: 99 });
    fc.assert(
      fc.property(minor, minor, (one, other) => {
        const [oldest, newest] = [Math.min(one, other), Math.max(one, other)];
        const common = newest >= 41 && oldest <= 51;
        const result = ((): number | undefined => {
          try {
            return Number(agreed(`1.${newest}`, `1.${oldest}`).split('.')[1]);
          } catch {
            return undefined;
          }
        })();
        expect(result).toBe(common ? Math.min(newest, 51) : undefined);
      }),
    );
  });

  test('compares numbers, not text', () => {
    expect(isAtLeast('1.100', '1.51')).toBe(true);
    expect(isAtLeast('1.9', '1.41')).toBe(false);
    expect(isAtLeast('2.0', '1.51')).toBe(true);
    expect(isAtLeast('1.51', '2.0')).toBe(false);
  });
});
