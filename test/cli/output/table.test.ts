import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { cutEnd, cutMiddle, fitTable, formatTable } from '../../../src/cli/output/table.js';

test('the columns of a table are as wide as their widest cell, numbers are right-aligned, and no blanks trail', () => {
  const rows = [
    ['reference', 'polls', 'status'],
    ['a', '12', 'completed'],
  ];
  expect(formatTable(rows, [1])).toEqual([
    'reference  polls  status',
    'a             12  completed',
  ]);
});

test('the codes of colours do not count as width of a table', () => {
  const green = styleText('green', 'ok', { validateStream: false });
  expect(
    formatTable([
      [green, 'x'],
      ['long', 'y'],
    ]),
  ).toEqual([`${green}    x`, 'long  y']);
});

test('a table that is too wide is cut where it may be, first what matters least, and no further than it has to', () => {
  const rows = [
    ['a-long-reference', 'failed', '1', 'INCOMPLETE: one of two is missing'],
    ['b', 'completed', '20', ''],
  ];
  const cuts = [
    { column: 3, least: 12, cut: cutEnd },
    { column: 0, least: 8, cut: cutMiddle },
  ];
  const within = (columns: number) => fitTable(rows, [2], { columns, cuts, leftOut: [1] });
  expect(within(66)).toEqual(formatTable(rows, [2]));
  expect(within(54)).toEqual([
    'a-long-reference  failed      1  INCOMPLETE: one of…',
    'b                 completed  20',
  ]);
  expect(within(40)).toEqual([
    'a-lon…rence  failed      1  INCOMPLETE…',
    'b            completed  20',
  ]);
  // The column without which the rest fits is left out, and what is left has its room.
  expect(within(30)).toEqual(['a-long…rence   1  INCOMPLETE…', 'b             20']);
});

test('a text without a word that ends in time is cut within one', () => {
  expect(cutEnd('ATLAS_UNAVAILABLE: later', 10)).toBe('ATLAS_UNA…');
});
