import { stripVTControlCharacters } from 'node:util';

/** The program of util-linux that gives another one a terminal. */
const PROGRAM = 'script';

/** A program and its arguments that run a command of the shell on a terminal of that width. */
export function onTerminal(command: string, columns = 80): [program: string, args: string[]] {
  const sized = `stty cols ${columns} rows 24; exec ${command}`;
  return [PROGRAM, ['--quiet', '--return', '--command', sized, '/dev/null']];
}

/** A new line, or a move of the cursor to another. */
const LINE_ENDS = new RegExp(`\r?\n|\r|${String.fromCharCode(27)}\\[\\d*[A-H]`);

/** What a terminal has shown, by lines without colours; what was drawn over too, each time as a line of its own. */
export function linesShown(output: string): string[] {
  return output.split(LINE_ENDS).map((line) => stripVTControlCharacters(line).trimEnd());
}
