import pRetry, { type Options } from 'p-retry';

/**
 * `pRetry`, called only after the first attempt has failed. Nearly all first attempts succeed, and
 * `pRetry` costs more than all else around a request. `attempt` must return a promise, never throw.
 */
export function withRetries<T>(attempt: () => Promise<T>, options: Options): Promise<T> {
  const first = attempt();
  return first.catch(() => {
    let turn: Promise<T> | undefined = first;
    return pRetry(() => {
      const made = turn ?? attempt();
      turn = undefined;
      return made;
    }, options);
  });
}
