/** Breaks lines between words, where a terminal would break them in the middle of one. Pure. */
import { widthOf } from './table.js';

/** Folded lines go on this far to the right of where they begin, unless a column of text says where. */
const INDENTATION = 2;

/** @param columns Of the terminal; infinite where there is none. */
export function foldLines(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => foldLine(line, columns))
    .join('\n');
}

function foldLine(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  const indentation = ' '.repeat(hangingIndentation(line, columns));
  const lines: string[] = [];
  let current = '';
  for (const part of line.match(/\s*\S+/g) ?? []) {
    const moved = indentation + part.trimStart();
    // What fits no line, such as the address of an object, stays where it is: so it can be copied whole.
    const helps = widthOf(moved) <= columns && current.trim() !== '';
    if (helps && widthOf(current + part) > columns) {
      lines.push(current);
      current = moved;
    } else current += part;
  }
  return [...lines, current].join('\n');
}

/** Below the text that follows the labels of a line, as in `  error      ATLAS_AUTH: …`. */
function hangingIndentation(line: string, columns: number): number {
  const ends = [...widthsBeforeText(line)].filter((width) => width <= columns / 2);
  const [leading = ''] = /^\s*/.exec(line) ?? [];
  return ends.at(-1) ?? leading.length + INDENTATION;
}

/** The width of all that stands before each text that follows a label and two blanks or more. */
function* widthsBeforeText(line: string): Generator<number> {
  for (const { index, 0: gap } of line.matchAll(/(?<=\S) {2,}(?=\S)/g)) {
    yield widthOf(line.slice(0, index + gap.length));
  }
}
