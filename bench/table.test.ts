import { expect, test } from 'vitest';
import { type Column, tableOf } from './table.ts';

interface Fruit {
  readonly name: string;
  readonly grams: number;
}

const COLUMNS: readonly Column<Fruit>[] = [
  { heading: 'fruit', cell: ({ name }) => name },
  { heading: 'g', cell: ({ grams }) => String(grams) },
];

test('names stand to the left, numbers to the right, and columns are as wide as they need', () => {
  const rows = [
    { name: 'plum', grams: 40 },
    { name: 'water melon', grams: 12_345 },
  ];
  expect(tableOf(COLUMNS, rows)).toBe(
    [
      '| fruit       |     g |',
      '| ----------- | ----: |',
      '| plum        |    40 |',
      '| water melon | 12345 |',
    ].join('\n'),
  );
});

test('a table without rows has its heading, and the rule that Markdown wants', () => {
  expect(tableOf(COLUMNS, [])).toBe('| fruit |   g |\n| ----- | --: |');
});

test('a bar in a cell does not open another column', () => {
  expect(tableOf(COLUMNS, [{ name: 'a|b', grams: 1 }])).toContain(String.raw`| a\|b  |`);
});
