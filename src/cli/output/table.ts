/** Tables of text with aligned columns. Pure. */
import { stripVTControlCharacters } from 'node:util';

const GAP = '  ';

/** @param rightAligned Indexes of columns that hold numbers. */
export function formatTable(
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[] = [],
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat((widths[i] ?? 0) - widthOf(cell));
        return rightAligned.includes(i) ? padding + cell : cell + padding;
      })
      .join(GAP)
      .trimEnd(),
  );
}

/** The width of a text on a terminal, without the codes of colours. */
export function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
