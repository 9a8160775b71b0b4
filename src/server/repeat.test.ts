import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { repeat } from './repeat.ts';

const EVERY_MS = 1000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

describe('repeating', () => {
  test('goes on until it is stopped, one at a time, whatever the task does', async () => {
    let running = 0;
    let overlapped = false;
    let calls = 0;
    const stop = repeat(async () => {
      running += 1;
      overlapped ||= running > 1;
      calls += 1;
      await new Promise((resolve) => setTimeout(resolve, 5 * EVERY_MS));
      running -= 1;
      if (calls === 3) stop();
    }, EVERY_MS);
    await vi.advanceTimersByTimeAsync(100 * EVERY_MS);
    expect(calls).toBe(3);
    expect(overlapped).toBe(false);
  });

  test('stopped before its first time never runs', async () => {
    let calls = 0;
    const stop = repeat(async () => {
      calls += 1;
    }, EVERY_MS);
    stop();
    await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
    expect(calls).toBe(0);
  });
});
