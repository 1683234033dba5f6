/**
 * Observations shared by all processes: a capped stream in Redis. The belief of a policy is a fold
 * over that stream and nothing else, so a new process that replays it believes what the others do.
 */
import type { Redis } from 'ioredis';
import { parseObservation } from './observation.js';
import type { Observation, PollPolicy } from './poll-policy.js';

/** Enough to know a dozen product types well; a few hundred bytes each. */
const KEPT_OBSERVATIONS = 1000;
/** What others learn is news for the next upload, not for the next look. */
const FOLLOW_INTERVAL_MS = 1000;
const FIELD = 'observation';

export interface ObservationStream {
  /** Adds one; it comes back to every process, this one included, in the order of the stream. */
  publish(observation: Observation): Promise<void>;
  stop(): void;
}

/**
 * Replays what the stream holds into the policy, and follows it.
 * @param options.deadlineMs Observations past it are junk, and dropped on write and on replay.
 * @param options.onError Told when Redis did not answer; the next interval tries again.
 */
export async function followObservations(options: {
  redis: Redis;
  key: string;
  policy: PollPolicy;
  deadlineMs: number;
  onError: (error: unknown) => void;
}): Promise<ObservationStream> {
  const { redis, key, policy, deadlineMs, onError } = options;
  let last = '-';
  let busy = false;

  const read = async () => {
    const from = last === '-' ? '-' : `(${last}`;
    for (const [id, fields] of await redis.xrange(key, from, '+')) {
      last = id;
      const observation = parseObservation(
        parseJson(fields[fields.indexOf(FIELD) + 1]),
        deadlineMs,
      );
      if (observation) policy.observe(observation);
    }
  };
  await read();
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    read()
      .catch(onError)
      .finally(() => {
        busy = false;
      });
  }, FOLLOW_INTERVAL_MS);
  timer.unref();

  return {
    async publish(observation) {
      if (!parseObservation(observation, deadlineMs)) return;
      await redis.xadd(
        key,
        'MAXLEN',
        '~',
        KEPT_OBSERVATIONS,
        '*',
        FIELD,
        JSON.stringify(observation),
      );
    },
    stop: () => clearInterval(timer),
  };
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}
