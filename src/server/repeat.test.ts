import { describe, expect, test } from 'vitest';
import { repeat } from './repeat.ts';

describe('repeating', () => {
  test('goes on until it is stopped, one at a time, whatever the task does', async () => {
    let running = 0;
    let overlapped = false;
    let calls = 0;
    const enough = Promise.withResolvers<void>();
    const stop = repeat(async () => {
      running += 1;
      overlapped ||= running > 1;
      calls += 1;
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (calls === 3) {
        stop();
        enough.resolve();
      }
    }, 1);
    await enough.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls).toBe(3);
    expect(overlapped).toBe(false);
  });

  test('stopped before its first time never runs', async () => {
    let calls = 0;
    const stop = repeat(async () => {
      calls += 1;
    }, 1);
    stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls).toBe(0);
  });
});
