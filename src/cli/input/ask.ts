/** Asks somebody at the terminal, before something is done that cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { UsageError } from '../../errors.js';

/** @returns What was typed. @throws UsageError where nobody can be asked, as in a script; the signal's reason. */
export async function ask(question: string, signal?: AbortSignal): Promise<string> {
  if (!process.stdin.isTTY)
    throw new UsageError('nothing was done: nobody can be asked here; --yes asks nothing');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(question, { ...(signal && { signal }) })).trim();
  } finally {
    terminal.close();
  }
}
