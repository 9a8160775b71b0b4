import { describe, expect, test } from 'vitest';
import { eachStatusOnce } from './each-status-once.ts';
import type { TransferProgress } from './origin.ts';

function told(progress: Iterable<TransferProgress>): TransferProgress[] {
  const passed: TransferProgress[] = [];
  const tell = eachStatusOnce((one) => passed.push(one));
  for (const one of progress) tell(one);
  return passed;
}

describe('each status of a layer', () => {
  test('is told once, however often a daemon repeats it', () => {
    const pushing = Array.from({ length: 5000 }, (_, index) => ({
      layer: 'one',
      status: 'Pushing',
      bytes: index,
      totalBytes: 5000,
    }));
    expect(
      told([{ layer: 'one', status: 'Preparing' }, ...pushing, { layer: 'one', status: 'Pushed' }]),
    ).toEqual([
      { layer: 'one', status: 'Preparing' },
      { layer: 'one', status: 'Pushing', bytes: 0, totalBytes: 5000 },
      { layer: 'one', status: 'Pushed' },
    ]);
  });

  test('is told for each layer, also when they take turns', () => {
    const words = ['Waiting', 'Pushing', 'Waiting', 'Pushing'].flatMap((status) =>
      ['one', 'two'].map((layer) => ({ layer, status })),
    );
    expect(told(words)).toEqual(words.slice(0, 4));
  });

  test('that counts down is told once', () => {
    const words = [3, 2, 1].map((left) => ({ layer: 'one', status: `Retrying in ${left} seconds` }));
    expect(told(words)).toEqual(words.slice(0, 1));
  });

  test('of a daemon that always finds another word is told a thousand times at most, and cut', () => {
    const words = Array.from({ length: 3000 }, (_, index) => ({
      layer: 'one',
      status: 'x'.repeat(index % 200),
    }));
    const layers = Array.from({ length: 3000 }, (_, index) => ({ layer: String(index), status: 'Pushing' }));
    const passed = told([...words, ...layers]);
    expect(passed).toHaveLength(1000);
    expect(Math.max(...passed.map(({ status }) => status.length))).toBe(100);
  });
});
