/** Tables of text with aligned columns. Pure. */
import { stripVTControlCharacters } from 'node:util';

const GAP = '  ';

/** @param rightAligned Indexes of columns that hold numbers. */
export function formatTable(
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[] = [],
): string[] {
  const widths = widthsOf(rows);
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

/** How a table is made to fit. The cells of columns that are cut have no colours. */
export interface Fit {
  /** Of the terminal; infinite where there is none. */
  columns: number;
  /** Columns that are made narrower, in this order, each down to its least. */
  cuts: readonly Cut[];
  /** Columns that are left out, in this order, where the least of all is too much. */
  leftOut: readonly number[];
}

export interface Cut {
  column: number;
  least: number;
  cut: (text: string, width: number) => string;
}

/** As {@link formatTable}, no wider than the terminal as far as that can be. */
export function fitTable(
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[],
  { columns, cuts, leftOut }: Fit,
): string[] {
  const widths = widthsOf(rows);
  const leasts = widths.map((width, i) => {
    const least = cuts.find(({ column }) => column === i)?.least;
    return Math.min(width, least ?? width);
  });
  const shown = new Set(widths.keys());
  const excess = (of: readonly number[]) =>
    [...shown].reduce((sum, i) => sum + (of[i] ?? 0) + GAP.length, -GAP.length) - columns;
  for (const column of leftOut) if (excess(leasts) > 0) shown.delete(column);
  for (const { column, least } of cuts) {
    const width = widths[column] ?? 0;
    widths[column] = Math.min(width, Math.max(least, width - Math.max(0, excess(widths))));
  }
  const cutOf = new Map(cuts.map(({ column, cut }) => [column, cut]));
  const fitted = rows.map((row) =>
    [...shown].map((i) => {
      const [cell = '', width = 0] = [row[i], widths[i]];
      return widthOf(cell) > width ? (cutOf.get(i)?.(cell, width) ?? cell) : cell;
    }),
  );
  const places = [...shown].flatMap((i, place) => (rightAligned.includes(i) ? place : []));
  return formatTable(fitted, places);
}

/** Cuts in the middle: ends of references tell them apart. */
export function cutMiddle(text: string, width: number): string {
  if (text.length <= width) return text;
  const kept = (width - 1) / 2;
  return `${text.slice(0, Math.ceil(kept))}…${text.slice(-Math.floor(kept))}`;
}

/** Cuts after the last word that fits, unless that would leave less than half. */
export function cutEnd(text: string, width: number): string {
  if (text.length <= width) return text;
  if (width < 1) return '';
  const wordEnd = text.slice(0, width).lastIndexOf(' ');
  const kept = wordEnd < width / 2 ? text.slice(0, width - 1) : text.slice(0, wordEnd);
  return `${kept.replace(/[\s,;:]+$/, '')}…`;
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  }
  return widths;
}

/** The width of a text on a terminal, without the codes of colours. */
export function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
