import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { handled, pause, unlessAborted, within } from './promise.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

const endless = new Promise<never>(() => undefined);
const { signal: never } = new AbortController();

test('a promise that nobody awaits in the end may fail unseen, and is still the same promise', async () => {
  const failing = Promise.reject(new Error('unseen'));
  const same = handled(failing);
  expect(same).toBe(failing);
  await expect(same).rejects.toThrow('unseen');
});

describe('work that goes on for others', () => {
  test('hands on what comes first', async () => {
    expect(await unlessAborted(never, Promise.resolve(1))).toBe(1);
    await expect(unlessAborted(never, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  test('is no longer waited for when the signal aborts, before or on the way', async () => {
    await expect(unlessAborted(AbortSignal.abort(new Error('before')), endless)).rejects.toThrow('before');
    const stop = new AbortController();
    const waiting = unlessAborted(stop.signal, endless);
    stop.abort(new Error('on the way'));
    await expect(waiting).rejects.toThrow('on the way');
  });
});

describe('work within a time', () => {
  test('hands on what comes in time, and leaves no timer', async () => {
    expect(await within(1000, Promise.resolve(1))).toBe(1);
    await expect(within(1000, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is undefined when it takes longer', async () => {
    const late = within(1000, endless);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await late).toBeUndefined();
  });
});

describe('a pause', () => {
  test('ends after its time', async () => {
    const ended = vi.fn<() => void>();
    void pause(1000, never).then(ended);
    await vi.advanceTimersByTimeAsync(999);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledOnce();
  });

  test('is broken off when the signal aborts', async () => {
    const stop = new AbortController();
    const paused = pause(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(paused).rejects.toThrow('enough');
  });
});
