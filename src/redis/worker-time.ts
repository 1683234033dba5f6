/**
 * Makes a worker of BullMQ's go by the clock of Redis. BullMQ gives its scripts the time of the host: one whose clock
 * is ahead puts jobs to sleep for too long and wakes those of others too early, and one whose clock is behind the
 * other way round.
 */
import type { RedisQueueBackend } from 'bullmq';
import type { Clock } from './clock.js';

/**
 * Which argument of a script is the time: it comes after the keys, and after one more. All scripts that put a job to
 * sleep, or wake those that are due, are here.
 */
const TIME_AT: ReadonlyMap<string, number> = new Map([
  ['moveToActive', 12],
  ['moveToDelayed', 12],
  ['moveToFinished', 15],
  ['retryJob', 12],
]);
/** Where a fetch that found no job says when the next one is due. */
const DUE_AT = 3;

type Backend = Pick<RedisQueueBackend, 'execCommand' | 'waitForJob'>;

/**
 * The scripts of the backend get Redis time, and BullMQ gets the time of the host from them, which it waits by.
 * @param clock of Redis
 */
export function goByRedisTime(backend: Backend, clock: Clock): void {
  const run = backend.execCommand.bind(backend);
  backend.execCommand = (client, name, args) => {
    const at = TIME_AT.get(name);
    if (at === undefined) return run(client, name, args);
    // In place: BullMQ reads there when a job has ended.
    args[at] = clock.now();
    return run(client, name, args).then((reply: unknown) => {
      if (Array.isArray(reply)) reply[DUE_AT] = toHostTime(clock, reply[DUE_AT]);
      return reply;
    });
  };
  const waitForJob = backend.waitForJob.bind(backend);
  backend.waitForJob = async (timeout) => {
    const found = await waitForJob(timeout);
    return found && { ...found, score: toHostTime(clock, found.score) };
  };
}

/** When it is so late on the host. 0 stays: it says that no time is meant. */
export function toHostTime(clock: Clock, redisMs: number): number {
  return redisMs > 0 ? redisMs + Date.now() - clock.now() : redisMs;
}
