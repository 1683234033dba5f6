/**
 * Runs other programs. Whatever stops us stops them first: an `npm ci` that goes on alone collides
 * with the next one. Plain JavaScript, because it runs before anything is installed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

/** As a shell reports a program that a signal ended. */
const SIGNALLED = 128;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
/** A program that is told to stop cleans up within this time, or not at all. */
const STOP_TIMEOUT_MS = 2000;

/**
 * Resolves with whether the program ended well. Its output goes to our standard error: our standard
 * output may be somebody's input. When we are told to stop, it and its children are stopped, and we
 * exit as a shell would say it.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: Readonly<Record<string, string>>, cwd?: string, quiet?: boolean }} [options] `quiet`: no output
 * @returns {Promise<boolean>}
 */
export async function runCommand(program, args, { env = {}, cwd, quiet = false } = {}) {
  const output = quiet ? 'ignore' : process.stderr.fd;
  /** @type {NodeJS.Signals | undefined} */
  let stoppedBy;
  /** @param {NodeJS.Signals} signal */
  const stop = (signal) => {
    stoppedBy ??= signal;
    killGroup(child.pid, signal);
    setTimeout(() => killGroup(child.pid, 'SIGKILL'), STOP_TIMEOUT_MS).unref();
  };
  // Before there is a program: a signal in between would end us and leave it running.
  for (const signal of SIGNALS) process.on(signal, stop);
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
    // A group of its own: npm's children are to be stopped too, and a signal is to come once.
    detached: true,
  });
  const ended = once(child, 'close').then(
    ([code]) => code === 0,
    () => false,
  );
  const succeeded = await ended;
  for (const signal of SIGNALS) process.off(signal, stop);
  if (stoppedBy === undefined) return succeeded;
  killGroup(child.pid, 'SIGKILL');
  process.exit(SIGNALLED + constants.signals[stoppedBy]);
}

/**
 * @param {number | undefined} pid of the first of its processes
 * @param {NodeJS.Signals} signal
 */
function killGroup(pid, signal) {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // All of them have ended.
  }
}
