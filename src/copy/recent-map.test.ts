import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { digestOf } from '../image/digest.ts';
import { RecentMap } from './recent-map.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

const copy = { state: 'present', digest: digestOf(Buffer.from('a')) } as const;

test('what was learned is known for its time and no longer', () => {
  const recent = new RecentMap<typeof copy>(60_000);
  recent.set('a', copy);
  vi.advanceTimersByTime(59_999);
  expect(recent.get('a')).toBe(copy);
  vi.advanceTimersByTime(1);
  expect(recent.get('a')).toBeUndefined();
});

test('to be learned anew begins a new time', () => {
  const recent = new RecentMap<typeof copy>(60_000);
  recent.set('a', copy);
  vi.advanceTimersByTime(59_000);
  recent.set('a', copy);
  vi.advanceTimersByTime(59_000);
  expect(recent.get('a')).toBe(copy);
});

test('with no time at all nothing is remembered', () => {
  const recent = new RecentMap<typeof copy>(0);
  recent.set('a', copy);
  expect(recent.get('a')).toBeUndefined();
});

test('all can be forgotten', () => {
  const recent = new RecentMap<typeof copy>(60_000);
  recent.set('a', copy);
  recent.clear();
  expect([recent.get('a'), recent.get('b')]).toEqual([undefined, undefined]);
});
