import pRetry, { type Options } from 'p-retry';

/**
 * `pRetry`, entered only when the first attempt has failed: nearly all do well, and then it costs
 * more than all else around a request. `attempt` must return a promise and never throw.
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
