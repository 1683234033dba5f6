/** Runs a process until a signal stops it. */
import { once } from 'node:events';
import { settlesWithin } from '../timeouts.js';
import { codeOfSignal } from './command.js';

/** Something that was started. */
export interface Stoppable {
  stop(): Promise<void>;
  /** Asked after the stop: whether something was lost, so that the process exits with 1. */
  hasLost?(): boolean;
}

/** A start that has failed closes what it opened in this time, and then says why. */
const FAILED_START_MS = 1000;
/** Longest stop. Schedulers of containers kill a process after 30 s. */
const STOP_TIMEOUT_MS = 25_000;

/**
 * Starts something and keeps it running until SIGTERM or SIGINT, then stops it in order. A second
 * signal ends the process at once. It ends with `process.exit`, so that an open socket or timer cannot
 * keep the process.
 * @param start Names what runs already while the rest is being started.
 */
export async function runUntilSignal(
  start: (started: (part: Stoppable) => void) => Promise<Stoppable>,
): Promise<never> {
  let running: Stoppable | undefined;
  const stopping = new AbortController();
  const stopRequest = once(stopping.signal, 'abort');
  let hasFailed = false;
  const onSignal = (name: NodeJS.Signals) => {
    if (hasFailed) process.exit(1);
    if (stopping.signal.aborted) process.exit(codeOfSignal(name));
    stopping.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    const started = (part: Stoppable) => {
      running = part;
    };
    const starting = start(started).then(started);
    await Promise.race([starting, stopRequest]);
    await stopRequest;
    await settlesWithin(starting, FAILED_START_MS);
    const inTime = await settlesWithin(Promise.resolve(running?.stop()), STOP_TIMEOUT_MS);
    process.exit(inTime && !running?.hasLost?.() ? 0 : 1);
  } catch (error) {
    // Whoever called says why. A signal that comes before that must not change the exit code.
    hasFailed = true;
    throw error;
  }
}
