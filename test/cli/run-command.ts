import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import pLimit from 'p-limit';
import { runCommandLine } from '../../src/cli/program.js';
import type { CliRun } from './run-cli.js';

/** As `cli.ts` sets it, before it loads the program. */
const NO_AWS_WARNING = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';
/** What a command finds on the process is replaced meanwhile, so they run one after another. */
const oneAtATime = pLimit(1);

/**
 * Runs a command to its end in this process, with these variables and no others. It shows what
 * `runCli` shows, without the start of a process, which costs most of a second of computing. What is
 * about the process itself is for `runCli`: its end, its signals, and the warnings of Node.
 */
export function runCommand(
  args: readonly string[],
  environment: Record<string, string> = {},
  input = '',
): Promise<CliRun> {
  return oneAtATime(async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const written = Promise.all([text(stdout), text(stderr)]);
    const restore = replaceOnProcess({
      env: { PATH: process.env.PATH, [NO_AWS_WARNING]: 'true', ...environment },
      stdin: Readable.from([Buffer.from(input)]),
      stdout,
      stderr,
    });
    const code = await withoutNewListeners(() =>
      runCommandLine(['node', 'atlas-batch', ...args]),
    ).finally(restore);
    stdout.end();
    stderr.end();
    const [out, error] = await written;
    return { code, stdout: out, stderr: error };
  });
}

/** @returns what puts everything back. */
function replaceOnProcess(replacements: Record<string, unknown>): () => void {
  const originals = Object.keys(replacements).map(
    (name) => [name, Object.getOwnPropertyDescriptor(process, name)] as const,
  );
  for (const [name, value] of Object.entries(replacements)) {
    Object.defineProperty(process, name, { value, configurable: true, enumerable: true });
  }
  return () => {
    for (const [name, original] of originals) {
      if (original) Object.defineProperty(process, name, original);
    }
  };
}

/** A worker that cannot start listens for signals until its process ends, and would end this one. */
async function withoutNewListeners<T>(run: () => Promise<T>): Promise<T> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const before = signals.flatMap((name) => process.listeners(name));
  try {
    return await run();
  } finally {
    for (const name of signals) {
      for (const listener of process.listeners(name)) {
        if (!before.includes(listener)) process.removeListener(name, listener);
      }
    }
  }
}
