import { Command } from 'commander';
import { checkActor, readReason } from '../check-options.js';
import { UsageError } from '../errors.js';

/** Exit code of a process that Ctrl-C ended: 128 and the number of SIGINT, as in shells. */
const INTERRUPTED = 130;
/** The same for SIGTERM. */
const TERMINATED = 143;

/** What a process exits with that a signal ends. */
export function codeOfSignal(name: NodeJS.Signals): typeof INTERRUPTED | typeof TERMINATED {
  return name === 'SIGTERM' ? TERMINATED : INTERRUPTED;
}

/** 0 success; 1 a failed batch or check; 2 wrong usage or configuration; or ended by a signal. */
export type ExitCode = 0 | 1 | 2 | typeof INTERRUPTED | typeof TERMINATED;

/** Sets the exit code of the process. */
export type Finish = (code: ExitCode) => void;

/** Of commands that change something. */
export interface ChangeOptions {
  operator?: string | undefined;
}

/** As {@link createCommand}, for one that changes something: who does it is written down. */
export function createChange(name: string, description: string, examples: string[]): Command {
  return createCommand(name, description, examples).option(
    '--operator <name>',
    'who does it, for the audit log and the timeline; default: your user of this machine',
    toOperator,
  );
}

/** @throws UsageError for nobody, as where a variable of a script is not set. */
function toOperator(name: string): string {
  checkActor('--operator', name);
  return name;
}

/** Why it is done, of an option `--reason`. @throws UsageError for one that is too long, before anything is asked. */
export function toReason(text: string): string | undefined {
  return readReason('--reason', text);
}

/** How the values of an option become one, as commander calls it: with those that came before. */
type Collector<T> = (text: string, before?: readonly T[]) => T[];

const collectors = new WeakSet<object>();

/** Marks what reads an option that may be given several times. */
export function collects<T>(read: Collector<T>): Collector<T> {
  collectors.add(read);
  return read;
}

/**
 * Makes a command refuse a repeated option of one value: commander takes the last of them, and what was asked for
 * before would be left out without a word.
 */
export function refuseRepetitions(command: Command): Command {
  for (const option of command.options) {
    const takesOne = option.required && !option.variadic;
    if (!takesOne || (option.parseArg && collectors.has(option.parseArg))) continue;
    let isGiven = false;
    command.on(`option:${option.name()}`, () => {
      if (isGiven) throw new UsageError(`${option.long} takes one value, and is given twice`);
      isGiven = true;
    });
  }
  return command;
}

/** Variables of a shell before a command. */
const VARIABLES = /^(?:[A-Z_]+=\S+ )*/;

/** Creates a command whose help ends with its examples: arguments, perhaps after variables such as `PORT=80 `. */
export function createCommand(name: string, description: string, examples: string[]): Command {
  const lines = examples
    .map((example) => `  $ ${example.replace(VARIABLES, '$&atlas-batch ')}`)
    .join('\n');
  return new Command(name).description(description).addHelpText('after', `\nExamples:\n${lines}`);
}
