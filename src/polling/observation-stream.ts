/**
 * Observations shared by all processes: a capped stream in Redis. The belief of a policy is a fold
 * over that stream and nothing else, so a new process that replays it believes what the others do.
 */
import type { Redis } from 'ioredis';
import { parseJson } from '../json.js';
import { LuaScript } from '../redis/lua-script.js';
import { parseObservation } from './observation.js';
import type { Observation, PollPolicy } from './poll-policy.js';

/** Enough to know a dozen product types well; a few hundred bytes each. */
const KEPT_OBSERVATIONS = 1000;
/** What others learn is news for the next upload, not for the next poll. */
const FOLLOW_INTERVAL_MS = 1000;
/**
 * What one process adds at most in an interval. A forecaster has half forgotten what is 80
 * observations old, so more of one second change little; but each costs every process some 60 µs.
 */
const PUBLISHED_AT_MOST = 64;
const FIELD = 'observation';

const ADD = new LuaScript<null>(`
for i = 2, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', '${FIELD}', ARGV[i])
end
`);

export interface ObservationStream {
  /**
   * Adds one, with the others of the interval; of more than 64 a random sample. They come back to
   * every process, this one included, in the order of the stream. A process that is killed takes at
   * most an interval's with it.
   */
  publish(observation: Observation): void;
  /** Adds what is left, and follows no longer. Rejects when Redis does not take it. */
  stop(): Promise<void>;
}

/**
 * Replays what the stream holds into the policy, and follows it.
 * @param options.deadlineMs Observations past it are junk, and dropped on write and on replay.
 * @param options.random Uniform in [0, 1).
 * @param options.onError Told when Redis did not answer; the next interval tries again.
 */
export async function followObservations(options: {
  redis: Redis;
  key: string;
  policy: PollPolicy;
  deadlineMs: number;
  random: () => number;
  onError: (error: unknown) => void;
}): Promise<ObservationStream> {
  const { redis, key, policy, deadlineMs, random, onError } = options;
  const sample: Observation[] = [];
  let published = 0;
  let last = '-';
  let busy = false;

  const write = async () => {
    if (published === 0) return;
    published = 0;
    const texts = sample.splice(0).map((observation) => JSON.stringify(observation));
    // Not kept when Redis does not take them: what they tell, the next ones tell too.
    await ADD.run(redis, [key], [KEPT_OBSERVATIONS, ...texts]);
  };

  const read = async () => {
    const from = last === '-' ? '-' : `(${last}`;
    for (const [id, fields] of await redis.xrange(key, from, '+')) {
      last = id;
      const observation = parseObservation(
        parseJson(fields[fields.indexOf(FIELD) + 1] ?? ''),
        deadlineMs,
      );
      if (observation) policy.observe(observation);
    }
  };
  await read();
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    write()
      .then(read)
      .catch(onError)
      .finally(() => {
        busy = false;
      });
  }, FOLLOW_INTERVAL_MS);
  timer.unref();

  return {
    publish(observation) {
      if (!parseObservation(observation, deadlineMs)) return;
      // Vitter's algorithm R: each of the interval is in the sample with the same chance.
      const slot =
        published < PUBLISHED_AT_MOST ? published : Math.floor(random() * (published + 1));
      published += 1;
      if (slot < PUBLISHED_AT_MOST) sample[slot] = observation;
    },
    stop() {
      clearInterval(timer);
      return write();
    },
  };
}
