/** The program of util-linux that gives another one a terminal. */
const PROGRAM = 'script';

/** A program and its arguments that run a command of the shell on a terminal of 80 columns. */
export function onTerminal(command: string): [program: string, args: string[]] {
  const sized = `stty cols 80 rows 24; exec ${command}`;
  return [PROGRAM, ['--quiet', '--return', '--command', sized, '/dev/null']];
}
