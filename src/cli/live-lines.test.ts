import { describe, expect, onTestFinished, test } from 'vitest';
import { FakeTerminal } from '../../test/fakes/terminal.ts';
import { LiveLines } from './live-lines.ts';

function liveOn(terminal: FakeTerminal, lines: () => readonly string[]): LiveLines {
  const live = new LiveLines(terminal, lines);
  onTestFinished(() => live.end());
  return live;
}

describe('the last lines of a terminal', () => {
  test('are drawn anew when they have changed, and gone in the end', async () => {
    const terminal = new FakeTerminal();
    const shown = ['one'];
    const live = liveOn(terminal, () => shown);
    await expect.poll(() => terminal.lines).toEqual(['one']);
    shown.push('two');
    await expect.poll(() => terminal.lines).toEqual(['one', 'two']);
    live.end();
    expect(terminal.lines).toEqual([]);
  });

  test('stay below what is printed meanwhile', async () => {
    const terminal = new FakeTerminal();
    const live = liveOn(terminal, () => ['bar']);
    await expect.poll(() => terminal.lines).toEqual(['bar']);
    live.print('warning\nand more\n');
    expect(terminal.lines).toEqual(['warning', 'and more', 'bar']);
    live.end();
    live.print('late\n');
    expect(terminal.lines).toEqual(['warning', 'and more', 'late']);
  });

  test.each([
    ['that tells its size', { columns: 10, rows: 4 }, 9, 3],
    ['that does not', {}, 79, 23],
  ] as const)('fit into a window %s', async (_what, size, width, height) => {
    const terminal = new FakeTerminal(size);
    liveOn(terminal, () => Array.from({ length: 100 }, (_, index) => `${index}`.padEnd(200, '.')));
    await expect.poll(() => terminal.lines).toHaveLength(height);
    expect(terminal.lines.at(-1)).toBe('99'.padEnd(width, '.'));
    expect(terminal.most).toBe(height);
  });
});
