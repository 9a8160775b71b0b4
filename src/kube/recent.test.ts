import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Recent } from './recent.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

const HOLD = { holdMs: 30_000, holdFaultMs: 3_000, most: 2 };

test('an answer counts for its time and no longer', async () => {
  const recent = new Recent<number>(HOLD);
  let asked = 0;
  function ask(): Promise<number> {
    return recent.get('a', async () => (asked += 1));
  }
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
  vi.advanceTimersByTime(29_999);
  expect(await ask()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(await ask()).toBe(2);
});

test('a fault counts for a shorter time: what is granted now should count soon', async () => {
  const recent = new Recent<number>(HOLD);
  let asked = 0;
  function ask(): Promise<number> {
    return recent.get('a', async () => {
      asked += 1;
      throw new Error('not yet');
    });
  }
  await expect(ask()).rejects.toThrow('not yet');
  vi.advanceTimersByTime(2_999);
  await expect(ask()).rejects.toThrow('not yet');
  expect(asked).toBe(1);
  vi.advanceTimersByTime(1);
  await expect(ask()).rejects.toThrow('not yet');
  expect(asked).toBe(2);
});

test('a fault that is out of date takes nothing from a newer answer', async () => {
  const recent = new Recent<number>(HOLD);
  const { promise, reject } = Promise.withResolvers<number>();
  const first = recent.get('a', () => promise);
  vi.advanceTimersByTime(30_000);
  await recent.get('a', async () => 2);
  reject(new Error('late'));
  await expect(first).rejects.toThrow('late');
  vi.advanceTimersByTime(10_000);
  expect(await recent.get('a', async () => 3)).toBe(2);
});

test('so many are kept, the oldest goes first', async () => {
  const recent = new Recent<string>(HOLD);
  for (const key of ['a', 'b', 'c']) await recent.get(key, async () => `first ${key}`);
  expect(await recent.get('b', async () => 'again')).toBe('first b');
  expect(await recent.get('a', async () => 'again')).toBe('again');
});
