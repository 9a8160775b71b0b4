import { afterEach, beforeEach, describe, expect, type Mock, test, vi } from 'vitest';
import { HostGate } from './host-gate.ts';
import { Outage } from './outage.ts';
import { RegistryError, type RegistryErrorCode } from './registry-error.ts';
import { FIRST_PAUSE_MS, type Patience, pauseAfter, withRetries } from './retry.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

const operation = 'read manifest a:v1';

function patience(): Patience {
  return { gate: new HostGate(), outage: new Outage(), firstPauseMs: FIRST_PAUSE_MS };
}

function fault(code: RegistryErrorCode, retryAfter?: number): RegistryError {
  return new RegistryError('scripted', {
    code,
    operation,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

/** Fails so many times, then answers "done". */
function failing(times: number, error: unknown): Mock<() => Promise<string>> {
  let left = times;
  return vi.fn<() => Promise<string>>(async () => {
    left -= 1;
    if (left >= 0) throw error;
    return 'done';
  });
}

async function run(attempt: () => Promise<string>, own = patience()): Promise<unknown> {
  const { signal } = new AbortController();
  const running = withRetries(own, { operation, signal }, attempt).catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  return running;
}

describe('a request that may be repeated', () => {
  test.each<RegistryErrorCode>(['RATE_LIMITED', 'UNAVAILABLE', 'UNREACHABLE', 'TIMEOUT'])(
    'is repeated after %s',
    async (code) => {
      const attempt = failing(2, fault(code));
      expect(await run(attempt)).toBe('done');
      expect(attempt).toHaveBeenCalledTimes(3);
    },
  );

  test.each<RegistryErrorCode>([
    'NOT_FOUND',
    'DENIED',
    'UNAUTHORIZED',
    'REFUSED',
    'UNTRUSTED',
    'FORBIDDEN_HOP',
    'PROTOCOL',
  ])('is not repeated after %s, which stays as it is', async (code) => {
    const error = fault(code);
    const attempt = failing(9, error);
    expect(await run(attempt)).toBe(error);
    expect(attempt).toHaveBeenCalledOnce();
  });

  test('is tried five times at the most; the last error is thrown', async () => {
    const error = fault('UNAVAILABLE');
    const attempt = failing(9, error);
    expect(await run(attempt)).toBe(error);
    expect(attempt).toHaveBeenCalledTimes(5);
  });

  test('is not repeated after an error of our own making', async () => {
    const error = new TypeError('bug');
    const attempt = failing(9, error);
    expect(await run(attempt)).toBe(error);
    expect(attempt).toHaveBeenCalledOnce();
  });
});

/** Of a host that all tries of a request were for nothing at. */
async function lost(code: RegistryErrorCode = 'UNREACHABLE'): Promise<Patience> {
  const own = patience();
  await run(failing(9, fault(code)), own);
  return own;
}

describe('a host that is out of reach', () => {
  test.each<RegistryErrorCode>(['UNREACHABLE', 'TIMEOUT'])(
    'has one try for the next request, after %s',
    async (code) => {
      const own = await lost(code);
      for (let request = 0; request < 3; request++) {
        const attempt = failing(9, fault(code));
        expect(await run(attempt, own)).toMatchObject({ code });
        expect(attempt).toHaveBeenCalledOnce();
      }
    },
  );

  test('has two tries where each takes as long as a silent host does', async () => {
    const attempt = vi.fn<() => Promise<string>>(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      throw fault('TIMEOUT');
    });
    const own = patience();
    expect(await run(attempt, own)).toMatchObject({ code: 'TIMEOUT' });
    expect(attempt).toHaveBeenCalledTimes(2);
    await run(attempt, own);
    expect(attempt).toHaveBeenCalledTimes(3);
  });

  test('has all its tries where it was others that let it wait', async () => {
    const own = patience();
    own.gate.closeFor(30_000);
    const attempt = failing(9, fault('UNREACHABLE'));
    await run(attempt, own);
    expect(attempt).toHaveBeenCalledTimes(5);
  });

  test('is not what takes its time and answers', async () => {
    const attempt = vi.fn<() => Promise<string>>(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      throw fault('UNAVAILABLE');
    });
    await run(attempt);
    expect(attempt).toHaveBeenCalledTimes(5);
  });

  test('has one try more for a request that is under way', async () => {
    const own = patience();
    const earlier = failing(9, fault('UNREACHABLE'));
    const { signal } = new AbortController();
    const running = withRetries(own, { operation, signal }, earlier).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(2000);
    const later = failing(9, fault('UNREACHABLE'));
    await Promise.all([running, run(later, own)]);
    expect(earlier).toHaveBeenCalledTimes(5);
    // With all of them it were five, the last one three seconds after the first.
    expect(later.mock.calls.length).toBeLessThan(5);
  });

  test('has all its tries again once it has answered', async () => {
    const own = await lost();
    expect(await run(failing(0, fault('UNREACHABLE')), own)).toBe('done');
    const attempt = failing(9, fault('UNREACHABLE'));
    await run(attempt, own);
    expect(attempt).toHaveBeenCalledTimes(5);
  });

  test.each<RegistryErrorCode>(['NOT_FOUND', 'UNAVAILABLE'])('is back when it answers %s', async (code) => {
    const own = await lost();
    await run(failing(9, fault(code)), own);
    const attempt = failing(9, fault('UNREACHABLE'));
    await run(attempt, own);
    expect(attempt).toHaveBeenCalledTimes(5);
  });

  test('has all its tries again after a minute', async () => {
    const own = await lost();
    await vi.advanceTimersByTimeAsync(60_000);
    const attempt = failing(9, fault('UNREACHABLE'));
    await run(attempt, own);
    expect(attempt).toHaveBeenCalledTimes(5);
  });

  test('is not what a busy one is', async () => {
    const own = await lost('UNAVAILABLE');
    const attempt = failing(9, fault('UNREACHABLE'));
    await run(attempt, own);
    expect(attempt).toHaveBeenCalledTimes(5);
  });
});

describe('the pause', () => {
  test.each([
    [1, 150, 250],
    [2, 300, 500],
    [3, 600, 1000],
    [4, 1200, 2000],
    [20, 22_500, 37_500],
  ])('after try %i is between %i and %i ms', (tries, least, most) => {
    const pauses = Array.from({ length: 100 }, () => pauseAfter(fault('UNAVAILABLE'), tries, patience()));
    expect(Math.min(...pauses.map(Number))).toBeGreaterThanOrEqual(least);
    expect(Math.max(...pauses.map(Number))).toBeLessThanOrEqual(most);
    expect(new Set(pauses).size).toBeGreaterThan(1);
  });

  test('is as long as the registry asked for', () => {
    expect(pauseAfter(fault('RATE_LIMITED', 30_000), 1, patience())).toBe(30_000);
    expect(pauseAfter(fault('UNAVAILABLE', 30_000), 1, patience())).toBe(30_000);
  });

  test('is not shorter than our own because the registry asked for none', () => {
    expect(pauseAfter(fault('RATE_LIMITED', 0), 1, patience())).toBeGreaterThanOrEqual(150);
  });

  test('is none where the registry asks for more than a minute: the copy fails now and is wanted again later', () => {
    expect(pauseAfter(fault('RATE_LIMITED', 60_001), 1, patience())).toBeUndefined();
    expect(pauseAfter(fault('RATE_LIMITED', Number.POSITIVE_INFINITY), 1, patience())).toBeUndefined();
  });

  test.each<[string, RegistryError, number]>([
    ['a rate limit with a time', fault('RATE_LIMITED', 30_000), 30_000],
    ['another fault with a time', fault('UNAVAILABLE', 30_000), 30_000],
    ['a time that is too long', fault('RATE_LIMITED', 3_600_000), 60_000],
  ])('closes the host to everybody after %s', (_name, error, wait) => {
    const own = patience();
    pauseAfter(error, 1, own);
    expect(own.gate.wait).toBe(wait);
  });

  test('closes it after a rate limit without a time, and not after another fault without one', () => {
    const [limited, broken] = [patience(), patience()];
    pauseAfter(fault('RATE_LIMITED'), 1, limited);
    pauseAfter(fault('UNREACHABLE'), 1, broken);
    expect(limited.gate.wait).toBeGreaterThanOrEqual(150);
    expect(broken.gate.wait).toBe(0);
  });
});

test('a host that somebody was told to leave alone is left alone by a first try as well', async () => {
  const own = patience();
  own.gate.closeFor(60_000);
  const attempt = failing(0, undefined);
  const { signal } = new AbortController();
  const running = withRetries(own, { operation, signal }, attempt);
  await vi.advanceTimersByTimeAsync(59_999);
  expect(attempt).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(await running).toBe('done');
});

describe('a signal that aborts', () => {
  test.each(['a pause', 'a closed gate', 'the request'])('ends %s', async (what) => {
    const stop = new AbortController();
    const own = patience();
    if (what === 'a closed gate') own.gate.closeFor(60_000);
    const attempt =
      what === 'the request' ? untilAborted(stop.signal) : failing(9, fault('RATE_LIMITED', 30_000));
    const wanted = { operation, signal: stop.signal };
    const running = withRetries(own, wanted, attempt).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10);
    stop.abort();
    expect(await running).toMatchObject({ code: 'ABORTED', operation });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('lets nothing begin', async () => {
    const attempt = failing(0, undefined);
    const running = withRetries(patience(), { operation, signal: AbortSignal.abort() }, attempt);
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    expect(attempt).not.toHaveBeenCalled();
  });
});

function untilAborted(signal: AbortSignal): () => Promise<string> {
  return () => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}
