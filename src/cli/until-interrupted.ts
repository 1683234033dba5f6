/** Runs something that a person watches, until its end or Ctrl-C. */
import { codeOfSignal, type ExitCode } from './command.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Gives the action a signal that Ctrl-C aborts. A second Ctrl-C ends the process at once.
 * @param farewell Says what goes on without us.
 * @returns what the action does, or after Ctrl-C what shells expect: 128 and the number of the signal.
 */
export async function untilInterrupted(
  action: (signal: AbortSignal) => Promise<ExitCode>,
  farewell: () => void = () => {},
): Promise<ExitCode> {
  const interruption = new AbortController();
  let code: ExitCode = codeOfSignal('SIGINT');
  // It stays until the action has ended: a terminal that is drawn on kills the process by the signal
  // when it finds nobody else who listens.
  const onSignal = (name: NodeJS.Signals) => {
    code = codeOfSignal(name);
    if (interruption.signal.aborted) process.exit(code);
    interruption.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await action(interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    farewell();
    return code;
  } finally {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }
}
