/** Runs a process until a signal stops it. */
import { once } from 'node:events';
import { settlesWithin } from '../timeouts.js';

/** Something that was started. */
export interface Stoppable {
  stop(): Promise<void>;
}

/** Exit code of a process that a second signal ended: 128 + SIGINT, as in shells. */
const INTERRUPTED = 130;
/** Longest stop. Schedulers of containers kill a process after 30 s. */
const STOP_TIMEOUT_MS = 25_000;

/**
 * Starts something and keeps it running until SIGTERM or SIGINT, then stops it in order. A second
 * signal ends the process at once, as does the first one while nothing runs. It ends with
 * `process.exit`, so that an open socket or timer cannot keep the process.
 * @param start Names what runs already while the rest is being started.
 */
export async function runUntilSignal(
  start: (started: (part: Stoppable) => void) => Promise<Stoppable>,
): Promise<never> {
  let running: Stoppable | undefined;
  const stopping = new AbortController();
  const stopRequest = once(stopping.signal, 'abort');
  let signals = 0;
  const onSignal = () => {
    signals += 1;
    if (signals > 1) process.exit(INTERRUPTED);
    if (!running) process.exit(0);
    stopping.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    const started = (part: Stoppable) => {
      running = part;
    };
    await Promise.race([start(started).then(started), stopRequest]);
    await stopRequest;
    const inTime = await settlesWithin(Promise.resolve(running?.stop()), STOP_TIMEOUT_MS);
    process.exit(inTime ? 0 : 1);
  } finally {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
}
