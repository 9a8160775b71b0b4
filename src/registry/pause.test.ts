import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pause, unlessAborted } from './pause.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

describe('a pause', () => {
  test('ends after its time', async () => {
    const ended = vi.fn<() => void>();
    void pause(1000, new AbortController().signal).then(ended);
    await vi.advanceTimersByTimeAsync(999);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledOnce();
  });

  test.each([0, -1])('of %i ms leaves no timer behind', async (milliseconds) => {
    await pause(milliseconds, new AbortController().signal);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is broken off at once, with its timer', async () => {
    const stop = new AbortController();
    const paused = pause(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(paused).rejects.toThrow('enough');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('does not begin once the signal has aborted', async () => {
    await expect(pause(0, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

describe('work that goes on for others', () => {
  test('hands on what comes first', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(signal, Promise.resolve(1))).toBe(1);
    await expect(unlessAborted(signal, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  test('is no longer waited for when the signal aborts, before or on the way', async () => {
    const endless = new Promise(() => undefined);
    await expect(unlessAborted(AbortSignal.abort(new Error('before')), endless)).rejects.toThrow('before');
    const stop = new AbortController();
    const waiting = unlessAborted(stop.signal, endless);
    stop.abort(new Error('on the way'));
    await expect(waiting).rejects.toThrow('on the way');
  });
});
