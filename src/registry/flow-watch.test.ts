import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FlowWatch } from './flow-watch.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => vi.useRealTimers());

const SECONDS = 1000;
const KIB = 1024;

function watch(): { flow: FlowWatch; tooSlow: ReturnType<typeof vi.fn<() => void>> } {
  const tooSlow = vi.fn<() => void>();
  const flow = new FlowWatch(tooSlow);
  flow.start();
  return { flow, tooSlow };
}

test('a sender below 8 KiB a second is noticed after half a minute', () => {
  const { flow, tooSlow } = watch();
  flow.count(239 * KIB);
  vi.advanceTimersByTime(30 * SECONDS - 1);
  expect(tooSlow).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(tooSlow).toHaveBeenCalledOnce();
});

test('each half minute is judged by itself', () => {
  const { flow, tooSlow } = watch();
  flow.count(500 * KIB);
  vi.advanceTimersByTime(30 * SECONDS);
  expect(tooSlow).not.toHaveBeenCalled();
  vi.advanceTimersByTime(30 * SECONDS);
  expect(tooSlow).toHaveBeenCalledOnce();
});

test('the time in which the receiver has enough does not count', () => {
  const { flow, tooSlow } = watch();
  vi.advanceTimersByTime(29 * SECONDS);
  flow.pause();
  vi.advanceTimersByTime(600 * SECONDS);
  flow.start();
  vi.advanceTimersByTime(29 * SECONDS);
  expect(tooSlow).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1 * SECONDS);
  expect(tooSlow).toHaveBeenCalledOnce();
});

test('asking again and again for more begins no new window', () => {
  const { flow, tooSlow } = watch();
  for (let second = 0; second < 30; second++) {
    vi.advanceTimersByTime(SECONDS);
    flow.start();
  }
  expect(tooSlow).toHaveBeenCalledOnce();
});

test.each(['while bytes are waited for', 'in a pause'])('nothing is left behind when it stops %s', (when) => {
  const { flow } = watch();
  if (when === 'in a pause') flow.pause();
  flow.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('a pause that ends nothing is not judged, however long it is', () => {
  const { flow, tooSlow } = watch();
  flow.pause();
  vi.advanceTimersByTime(600 * SECONDS);
  expect(tooSlow).not.toHaveBeenCalled();
});
