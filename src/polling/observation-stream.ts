/**
 * Shares observations between all processes, through a capped stream in Redis. What a policy
 * believes depends on that stream alone, so a new process that replays it believes the same.
 */
import type { Redis } from 'ioredis';
import { parseJson } from '../json.js';
import { LuaScript } from '../redis/lua-script.js';
import { parseObservation } from './observation.js';
import type { Observation, PollPolicy } from './poll-policy.js';

/** Enough to know a dozen product types well. Each takes a few hundred bytes. */
const KEPT_OBSERVATIONS = 1000;
/** What others learn can wait: it matters for the next upload, not for the next poll. */
const FOLLOW_INTERVAL_MS = 1000;
/**
 * The most that one process adds per interval. Each costs every process about 60 µs, and more per
 * second would change little: a forecaster half forgets what is 80 observations old.
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
   * Adds an observation at the end of the interval; of more than 64 a random sample is added. Every
   * process, this one included, gets them in the order of the stream. A process that is killed
   * loses those of an interval at most.
   */
  publish(observation: Observation): void;
  /** Adds what is left, and stops following. Rejects when Redis does not take it. */
  stop(): Promise<void>;
}

/**
 * Lets the policy observe what the stream holds, and what is added to it.
 * @param options.deadlineMs Observations past it are junk: they are neither written nor observed.
 * @param options.random Uniform in [0, 1).
 * @param options.onError Called when Redis fails. The next interval tries again.
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
    // Lost when Redis does not take them: later observations say the same.
    await ADD.run(redis, [key], [KEPT_OBSERVATIONS, ...texts]);
  };

  const read = async () => {
    const from = last === '-' ? '-' : `(${last}`;
    for (const [id, fields] of await redis.xrange(key, from, '+')) {
      last = id;
      const value = parseJson(fields[fields.indexOf(FIELD) + 1] ?? '');
      const observation = parseObservation(value, deadlineMs);
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
      // Vitter's algorithm R: all observations of the interval have the same chance.
      const place =
        published < PUBLISHED_AT_MOST ? published : Math.floor(random() * (published + 1));
      published += 1;
      if (place < PUBLISHED_AT_MOST) sample[place] = observation;
    },
    stop() {
      clearInterval(timer);
      return write();
    },
  };
}
