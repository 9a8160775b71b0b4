import { describe, expect, test } from 'vitest';
import { returnStartMemory } from './start-memory.ts';

const MIB = 1024 * 1024;

/** Fills the heap with what nobody holds on to. */
function litter(): number {
  const rows = Array.from({ length: 400_000 }, (_, index) => ({ index, text: `row ${index}` }));
  const used = process.memoryUsage().heapUsed;
  rows.length = 0;
  return used;
}

describe('the memory of the start', () => {
  test('is given back', () => {
    const used = litter();
    returnStartMemory();
    expect(process.memoryUsage().heapUsed).toBeLessThan(used - 10 * MIB);
  });

  test('can be given back twice, and nobody else gets the collector', () => {
    returnStartMemory();
    returnStartMemory();
    expect('gc' in globalThis).toBe(false);
  });
});
