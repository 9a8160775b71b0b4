import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HostGate } from './host-gate.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

const { signal } = new AbortController();

test('an open gate lets through at once', async () => {
  const gate = new HostGate();
  await gate.pass(signal);
  expect(gate.wait).toBe(0);
});

test('a closed gate holds everybody back until it opens', async () => {
  const gate = new HostGate();
  gate.closeFor(1000);
  const passed = vi.fn<() => void>();
  void gate.pass(signal).then(passed);
  void gate.pass(signal).then(passed);
  await vi.advanceTimersByTimeAsync(999);
  expect([passed.mock.calls.length, gate.wait]).toEqual([0, 1]);
  await vi.advanceTimersByTimeAsync(1);
  expect([passed.mock.calls.length, gate.wait]).toEqual([2, 0]);
});

test('of several closings the longest counts, one that came while somebody waits as well', async () => {
  const gate = new HostGate();
  gate.closeFor(1000);
  gate.closeFor(10);
  expect(gate.wait).toBe(1000);
  const passed = vi.fn<() => void>();
  void gate.pass(signal).then(passed);
  gate.closeFor(2000);
  await vi.advanceTimersByTimeAsync(1999);
  expect(passed).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(passed).toHaveBeenCalledOnce();
});

test('tells whoever watches it that it has closed: now, later, and once', async () => {
  const gate = new HostGate();
  const seen = vi.fn<() => void>();
  const watching = gate.closed(signal).then(seen);
  await vi.advanceTimersByTimeAsync(1000);
  expect(seen).not.toHaveBeenCalled();
  gate.closeFor(10);
  gate.closeFor(10);
  await watching;
  expect(seen).toHaveBeenCalledOnce();
  await gate.closed(signal);
});

test('whoever does not watch any more is let go', async () => {
  const stop = new AbortController();
  const watching = new HostGate().closed(stop.signal);
  stop.abort();
  await expect(watching).rejects.toMatchObject({ name: 'AbortError' });
});

test('whoever is told to stop does not wait on', async () => {
  const gate = new HostGate();
  gate.closeFor(60_000);
  const stop = new AbortController();
  const waiting = gate.pass(stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
