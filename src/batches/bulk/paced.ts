/** How fast something is done to many, one after the other or as fast as is asked for. */
import { checkSignal } from '../../check-options.js';
import { UsageError } from '../../errors.js';
import { pause } from '../../timeouts.js';

/** How fast it is done, and until when. */
export interface PaceOptions {
  /** How many a second. Default: as fast as Redis takes them. */
  rate?: number | undefined;
  /** Ends it; what was done so far stays. */
  signal?: AbortSignal | undefined;
}

/** Where no rate is asked for. More of them at once make others wait for Redis. */
const AT_ONCE = 20;
/** Steps a second, where there is a rate. */
const STEPS_PER_SECOND = 10;
export const MAX_RATE = 10_000;

/**
 * Steps of what comes in parts, each as late as the rate wants it. A part may be empty: then too the signal is heard.
 * @throws The signal's reason.
 */
export async function* paced<T>(
  parts: AsyncIterable<readonly T[]>,
  { rate, signal }: PaceOptions,
): AsyncGenerator<T[], void, undefined> {
  const step = rate === undefined ? AT_ONCE : Math.max(1, Math.floor(rate / STEPS_PER_SECOND));
  const startedAt = performance.now();
  let done = 0;
  for await (const part of parts) {
    signal?.throwIfAborted();
    for (let from = 0; from < part.length; from += step) {
      signal?.throwIfAborted();
      if (rate !== undefined) {
        const early = startedAt + (done / rate) * 1000 - performance.now();
        if (early > 0) await pause(early, signal);
      }
      const some = part.slice(from, from + step);
      yield some;
      done += some.length;
    }
  }
}

/** @throws UsageError that names the option that is wrong. */
export function checkPace({ rate, signal }: { rate?: unknown; signal?: unknown }): void {
  if (rate !== undefined && !(typeof rate === 'number' && rate > 0 && rate <= MAX_RATE))
    throw new UsageError(`rate is a number a second, at most ${MAX_RATE}`);
  checkSignal(signal);
}
