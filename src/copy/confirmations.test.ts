import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { digestOf } from '../image/digest.ts';
import { Confirmations } from './confirmations.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

const copy = { state: 'present', digest: digestOf(Buffer.from('a')) } as const;

test('what was confirmed is known for its time and no longer', () => {
  const confirmed = new Confirmations(60_000);
  confirmed.set('a', copy);
  vi.advanceTimersByTime(59_999);
  expect(confirmed.get('a')).toBe(copy);
  vi.advanceTimersByTime(1);
  expect(confirmed.get('a')).toBeUndefined();
});

test('to be confirmed anew begins a new time', () => {
  const confirmed = new Confirmations(60_000);
  confirmed.set('a', copy);
  vi.advanceTimersByTime(59_000);
  confirmed.set('a', copy);
  vi.advanceTimersByTime(59_000);
  expect(confirmed.get('a')).toBe(copy);
});

test('with no time at all nothing is remembered', () => {
  const confirmed = new Confirmations(0);
  confirmed.set('a', copy);
  expect(confirmed.get('a')).toBeUndefined();
});

test('all can be forgotten', () => {
  const confirmed = new Confirmations(60_000);
  confirmed.set('a', copy);
  confirmed.clear();
  expect([confirmed.get('a'), confirmed.get('b')]).toEqual([undefined, undefined]);
});
