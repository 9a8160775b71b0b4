import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TraitMemory } from './trait.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

const HOUR_MS = 60 * 60 * 1000;

test('what is learned adds up', () => {
  const memory = new TraitMemory();
  expect(memory.get()).toEqual({});
  memory.learn({ selfMount: true });
  memory.learn({ ranges: false });
  expect(memory.get()).toEqual({ selfMount: true, ranges: false });
});

test('it is believed for an hour from the first fact, because registries are upgraded', () => {
  const memory = new TraitMemory();
  memory.learn({ selfMount: false });
  vi.advanceTimersByTime(HOUR_MS / 2);
  memory.learn({ referrers: false });
  vi.advanceTimersByTime(HOUR_MS / 2);
  expect(memory.get()).toEqual({ selfMount: false, referrers: false });
  vi.advanceTimersByTime(1);
  expect(memory.get()).toEqual({});
});
