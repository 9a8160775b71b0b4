import { describe, expect, test } from 'vitest';
import { gauge, ImageBars } from './image-bars.ts';

const LAYER = `sha256:${'a'.repeat(64)}`;

describe('the bars of an image', () => {
  test('are none before it is known how much is to come', () => {
    const bars = new ImageBars();
    bars.move(LAYER, { bytes: 1, size: 2 });
    expect(bars.lines(9)).toEqual([]);
  });

  test('are one for each layer under way, and one for all', () => {
    const bars = new ImageBars();
    bars.announce(8192);
    bars.move(LAYER, { bytes: 1024, size: 4096 });
    bars.move(LAYER, { bytes: 2048, size: 4096 });
    expect(bars.lines(9)).toEqual([
      'aaaaaaaaaaaa [############------------] 2.0 KiB of 4.0 KiB',
      'total        [######------------------] 2.0 KiB of 8.0 KiB',
    ]);
    bars.finish(LAYER, 4096);
    expect(bars.lines(9)).toEqual(['total        [############------------] 4.0 KiB of 8.0 KiB']);
  });

  test('of more layers than may be shown count all of them', () => {
    const bars = new ImageBars();
    bars.announce(4096);
    for (const name of ['a', 'b', 'c']) bars.move(name, { bytes: 1024, size: 1024 });
    expect(bars.lines(1)).toEqual([
      'a            [########################] 1.0 KiB of 1.0 KiB',
      'total        [##################------] 3.0 KiB of 4.0 KiB',
    ]);
  });

  test('of what somebody else moves are announced as they come, and count each layer once', () => {
    const bars = new ImageBars();
    bars.settle('a');
    bars.hear('a', { bytes: 1024, size: 4096 });
    bars.hear('b', { bytes: 0, size: 4096 });
    bars.hear('b', { bytes: 4096, size: 4096 });
    expect(bars.lines(9)).toEqual([
      'a            [######------------------] 1.0 KiB of 4.0 KiB',
      'total        [###############---------] 5.0 KiB of 8.0 KiB',
    ]);
    bars.settle('a');
    // What is unpacked now was counted before.
    bars.hear('b', { bytes: 10, size: 4096 });
    bars.hear('a', { bytes: 10, size: 4096 });
    expect(bars.lines(9)).toEqual(['total        [########################] 8.0 KiB of 8.0 KiB']);
  });

  test.each([
    [0, 0, 0],
    [5, 4, 24],
    [1, 2, 12],
  ])('%i of %i fill %i places', (done, all, full) => {
    expect(gauge('x', done, all)).toBe(`x            [${'#'.repeat(full)}${'-'.repeat(24 - full)}]`);
  });
});
