import { Command } from 'commander';

/** Exit code of a process that Ctrl-C ended: 128 and the number of SIGINT, as in shells. */
export const INTERRUPTED = 130;
/** The same for SIGTERM. */
export const TERMINATED = 143;

/** 0 success; 1 a failed batch or check; 2 wrong usage or configuration; or ended by a signal. */
export type ExitCode = 0 | 1 | 2 | typeof INTERRUPTED | typeof TERMINATED;

/** Sets the exit code of the process. */
export type Finish = (code: ExitCode) => void;

/** Creates a command whose help ends with its examples. */
export function createCommand(name: string, description: string, examples: string[]): Command {
  const lines = examples.map((example) => `  $ atlas-batch ${example}`).join('\n');
  return new Command(name)
    .description(description)
    .addHelpText('after', `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n${lines}`);
}
