import { expect, test, vi } from 'vitest';
import { SingleFlight } from './single-flight.ts';

test('whoever asks while it runs gets the same promise, whoever asks later another run', async () => {
  const flights = new SingleFlight<number>();
  const { promise, resolve } = Promise.withResolvers<number>();
  const start = vi.fn<() => Promise<number>>(() => promise);
  const [one, two] = [flights.run('a', start), flights.run('a', start)];
  expect([one === two, flights.size, start.mock.calls.length]).toEqual([true, 1, 1]);
  resolve(7);
  expect(await one).toBe(7);
  expect(flights.size).toBe(0);
  await flights.run('a', start);
  expect(start).toHaveBeenCalledTimes(2);
});

test('different keys run side by side', async () => {
  const flights = new SingleFlight<string>();
  expect(await Promise.all([flights.run('a', async () => 'A'), flights.run('b', async () => 'B')])).toEqual([
    'A',
    'B',
  ]);
});

test('a failure reaches everybody and is not kept', async () => {
  const flights = new SingleFlight<string>();
  const { promise, reject } = Promise.withResolvers<string>();
  const [one, two] = [flights.run('a', () => promise), flights.run('a', () => promise)];
  reject(new Error('broken'));
  await expect(one).rejects.toThrow('broken');
  await expect(two).rejects.toThrow('broken');
  expect(await flights.run('a', async () => 'again')).toBe('again');
});

test('it has settled when nothing runs any more, failures and what they started included', async () => {
  const flights = new SingleFlight<string>();
  const { promise, reject } = Promise.withResolvers<string>();
  const done: string[] = [];
  const first = flights
    .run('a', () => promise)
    .catch(() => {
      void flights.run('b', async () => 'b').then((value) => done.push(value));
    });
  const settled = flights.settled().then(() => done.push('settled'));
  reject(new Error('broken'));
  await Promise.all([first, settled]);
  expect([done.toSorted(), flights.size]).toEqual([['b', 'settled'], 0]);
});
