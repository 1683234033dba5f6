/** The command line: its commands, and the message and exit code for each error they throw. */
import { Command, CommanderError } from 'commander';
import { AtlasBatchError, UsageError } from '../errors.js';
import { VERSION } from '../version.js';
import { type ExitCode, type Finish, refuseRepetitions } from './command.js';
import { cancelCommand } from './commands/cancel.js';
import { completionCommand } from './commands/completion.js';
import { deadlineCommand } from './commands/deadline.js';
import { doctorCommand } from './commands/doctor.js';
import { eraseCommand } from './commands/erase.js';
import { listCommand } from './commands/list.js';
import { pauseCommand, resumeCommand } from './commands/pause.js';
import { redeliverCommand } from './commands/redeliver.js';
import { resultsCommand } from './commands/results.js';
import { retryCommand } from './commands/retry.js';
import { simulatorCommand } from './commands/simulator.js';
import { statusCommand } from './commands/status.js';
import { submitCommand } from './commands/submit.js';
import { tokenCommand } from './commands/token.js';
import { userCommand } from './commands/user.js';
import { serverCommand, startCommand, workerCommand } from './commands/worker.js';
import { printError } from './output/terminal.js';
import { DOCUMENTATION } from './package-manifest.js';

const COMMANDS = [
  startCommand,
  workerCommand,
  serverCommand,
  simulatorCommand,
  submitCommand,
  statusCommand,
  resultsCommand,
  listCommand,
  cancelCommand,
  retryCommand,
  pauseCommand,
  resumeCommand,
  deadlineCommand,
  redeliverCommand,
  eraseCommand,
  userCommand,
  tokenCommand,
  doctorCommand,
  completionCommand,
];

/** The program with all its commands. */
export function createProgram(finish: Finish): Command {
  const program = new Command('atlas-batch')
    .description(
      'Sends batches of documents from S3 through Atlas, and says so when they are done.',
    )
    .version(VERSION)
    .addHelpText('after', `\nDocumentation: ${DOCUMENTATION}`)
    .showHelpAfterError('(--help shows how it is used)')
    // With the arguments of commands there, 80 columns have no room for what the commands do.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .exitOverride();
  for (const createCommand of COMMANDS) {
    program.addCommand(refuseRepetitions(createCommand(finish)).copyInheritedSettings(program));
  }
  return program;
}

/** Runs a command line to its end. Never throws. */
export async function runCommandLine(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  try {
    await createProgram((code) => {
      exitCode = code;
    }).parseAsync(argv);
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): ExitCode {
  // Commander has printed its message or its help already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return complain(error.message, 2);
  if (error instanceof AtlasBatchError) return complain(error.message, 1);
  return complain(error instanceof Error ? (error.stack ?? error.message) : String(error), 1);
}

function complain(message: string, code: ExitCode): ExitCode {
  printError(message);
  return code;
}
