import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { counted } from './counted-stream.ts';

describe('a stream that is counted', () => {
  test('is handed on byte for byte, and tells the bytes so far', async () => {
    const told: number[] = [];
    const stream = counted(Readable.from([Buffer.from('ab'), Buffer.from('cde')]), (bytes) =>
      told.push(bytes),
    );
    expect(String(await buffer(stream))).toBe('abcde');
    expect(told).toEqual([2, 5]);
  });

  test('breaks with the very error of the one below', async () => {
    const fault = new Error('cut off');
    const below = new Readable({
      read() {
        this.destroy(fault);
      },
    });
    await expect(buffer(counted(below, () => undefined))).rejects.toBe(fault);
  });

  test('that nobody reads any more ends the one below', async () => {
    const below = new Readable({ read: () => undefined });
    const stream = counted(below, () => undefined);
    stream.on('error', () => undefined);
    stream.destroy();
    await expect.poll(() => below.destroyed).toBe(true);
  });
});
