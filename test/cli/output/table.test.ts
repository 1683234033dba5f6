import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { formatTable } from '../../../src/cli/output/table.js';

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
