import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { firstSignal, onSignals } from './signals.ts';

function heard(...signals: string[]): string[] {
  const source = new EventEmitter();
  const calls: string[] = [];
  onSignals(
    source,
    () => calls.push('stop'),
    (code) => calls.push(`leave ${code}`),
  );
  for (const signal of signals) source.emit(signal);
  return calls;
}

describe('signals', () => {
  test.each([
    [[], []],
    [['SIGTERM'], ['stop']],
    [['SIGINT'], ['stop']],
    [
      ['SIGTERM', 'SIGTERM'],
      ['stop', 'leave 143'],
    ],
    [
      ['SIGTERM', 'SIGINT'],
      ['stop', 'leave 130'],
    ],
    [
      ['SIGINT', 'SIGINT'],
      ['stop', 'leave 130'],
    ],
    [['SIGHUP', 'SIGUSR2'], []],
  ])('%j: %j', (signals, calls) => {
    expect(heard(...signals)).toEqual(calls);
  });
});

test('the first signal can be waited for, the second one leaves', async () => {
  const source = new EventEmitter();
  const left: number[] = [];
  const first = firstSignal(source, (code) => left.push(code));
  source.emit('SIGTERM');
  await first;
  expect(left).toEqual([]);
  source.emit('SIGTERM');
  expect(left).toEqual([143]);
});
