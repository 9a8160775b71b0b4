import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseDuration, waitBudget, withDeadline } from './deadline.ts';

describe('parseDuration', () => {
  it.each([
    ['15s', 15_000],
    ['0', 0],
    ['0s', 0],
    ['1m', 60_000],
    ['1m0s', 60_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1.s', 1000],
    ['1h', 3_600_000],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['250μs', 0.25],
    ['1000000ns', 1],
    ['2h45m', 9_900_000],
  ])('reads %s as %d ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBeCloseTo(milliseconds, 6);
  });

  it.each([
    '',
    's',
    '15',
    '15 s',
    ' 15s',
    '15s ',
    '15S',
    '15sec',
    '-5s',
    '+5s',
    '1,5s',
    '1..5s',
    '.s',
    '1e3s',
    '0x10s',
    '∞',
    'NaN',
    '15s\n',
    '1d',
    `${'1'.repeat(40)}s`,
    '1s'.repeat(17),
  ])('reads no duration in %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('adds up what it is made of', () => {
    const part = fc.nat({ max: 59 });
    fc.assert(
      fc.property(part, part, part, (hours, minutes, seconds) => {
        expect(parseDuration(`${hours}h${minutes}m${seconds}s`)).toBe(
          ((hours * 60 + minutes) * 60 + seconds) * 1000,
        );
      }),
    );
  });

  it('answers any text with a number of milliseconds or with nothing', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0159.nuµmsh- '.split('')), maxLength: 40 }),
        (text) => {
          const duration = parseDuration(text);
          expect(duration === undefined || (Number.isFinite(duration) && duration >= 0)).toBe(true);
        },
      ),
    );
  });
});

describe('waitBudget', () => {
  it.each([
    ['15s', 10, 10_000],
    ['15s', 60, 14_000],
    ['10s', 10, 9000],
    ['5s', 10, 4000],
    ['2s', 10, 1600],
    ['1s', 10, 800],
    ['500ms', 10, 400],
    ['30s', 0, 0],
    ['0s', 10, 0],
    ['30s', 1.5, 1500],
    [undefined, 10, 9000],
    ['', 10, 9000],
    ['soon', 10, 9000],
    ['-15s', 10, 9000],
    ['999999h', 10, 10_000],
  ])('with timeout %s and at most %d s is %d ms', (timeout, mostSeconds, milliseconds) => {
    expect(waitBudget(timeout, mostSeconds)).toBe(milliseconds);
  });

  it('always ends before the API server stops waiting', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 60 }), (seconds, most) => {
        const budget = waitBudget(`${seconds}s`, most);
        expect(budget).toBeGreaterThanOrEqual(0);
        expect(budget).toBeLessThan(seconds * 1000);
      }),
    );
  });
});

/** Work that ends when it is told to. */
function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}

describe('withDeadline', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells the work when the time is over, and not before', async () => {
    const signals: AbortSignal[] = [];
    const result = withDeadline(1000, new AbortController().signal, (signal) => {
      signals.push(signal);
      return untilAborted(signal);
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(signals.map((signal) => signal.aborted)).toEqual([false]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await result).toBe('aborted');
  });

  it('tells the work when the caller has gone', async () => {
    const caller = new AbortController();
    const result = withDeadline(1000, caller.signal, untilAborted);
    caller.abort();
    expect(await result).toBe('aborted');
  });

  it.each([
    ['returns', async () => 'done'],
    [
      'fails',
      async () => {
        throw new Error('no');
      },
    ],
  ])('leaves no timer behind when the work %s', async (_how, work) => {
    await Promise.allSettled([withDeadline(1000, new AbortController().signal, work)]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
