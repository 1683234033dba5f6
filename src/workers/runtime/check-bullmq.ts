/**
 * Checks at the start that BullMQ does on this Redis what we take for granted beyond its documentation:
 * keys, fields, and the order in which jobs are fetched. It takes some milliseconds, on a queue of its
 * own that is removed: by the check itself, or by a later one when its process died. The tests check more
 * of it; they do not know this Redis, nor the BullMQ that was installed.
 */
import { randomUUID } from 'node:crypto';
import { Queue, type QueueOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { RedisUnavailableError } from '../../errors.js';
import { checkQueuesKey } from '../../jobs/keys/redis-keys.js';
import type { Clock } from '../../redis/clock.js';
import { redisAddress } from '../../redis/reply-error.js';
import { goByRedisTime } from '../../redis/worker-time.js';

const TOKEN = 'check';
const DELAY_MS = 3_600_000;
/** No clock says so: what is done at this time goes by what it was given. */
const AT = 1_000_000_000_000;
/**
 * A check takes milliseconds. One that began so long ago has died. Until then a process that stood still goes on: its
 * jobs are locked for as long.
 */
const ABANDONED_AFTER_MS = 3_600_000;
/** More than a start can leave, and too few to make it slow. */
const REMOVED_AT_ONCE = 10;

/** @throws RedisUnavailableError saying what is otherwise. */
export async function checkBullmq(redis: Redis, prefix: string, clock: Clock): Promise<void> {
  const register = checkQueuesKey(prefix);
  const abandonedBefore = clock.now() - ABANDONED_AFTER_MS;
  const limit = ['LIMIT', 0, REMOVED_AT_ONCE] as const;
  for (const name of await redis.zrangebyscore(register, '-inf', abandonedBefore, ...limit)) {
    await removeQueue(openQueue(name, redis, prefix), redis, register);
  }
  const name = `atlas-check-${randomUUID()}`;
  // Before the first of its keys, none of which expires.
  await redis.zadd(register, clock.now(), name);
  const queue = openQueue(name, redis, prefix);
  try {
    for await (const [what, isSo] of assumptions(queue, redis)) {
      if (isSo) continue;
      throw new RedisUnavailableError(
        `Redis at ${redisAddress(redis)} with the bullmq that is installed does not do what atlas-batch relies on (${what}); install the bullmq that its package.json names, and use Redis 6.2 or newer`,
      );
    }
  } finally {
    await removeQueue(queue, redis, register);
  }
}

function openQueue(name: string, redis: Redis, prefix: string): Queue {
  // The lock's time is an option of workers; it is read here because a fetch needs it.
  const options = { connection: redis, prefix, lockDuration: ABANDONED_AFTER_MS };
  const queue = new Queue(name, options as QueueOptions);
  // A command that fails throws: the queue's event would report it a second time.
  queue.on('error', () => {});
  return queue;
}

/** What cannot be removed now stays in the register, for a later start. */
async function removeQueue(queue: Queue, redis: Redis, register: string): Promise<void> {
  try {
    await queue.obliterate({ force: true });
    await redis.zrem(register, queue.name);
  } catch {
    // An outage of Redis: the start meets it with its next command.
  }
  await queue.close();
}

async function* assumptions(queue: Queue, redis: Redis): AsyncGenerator<[string, boolean]> {
  const keyOf = (name: string) => queue.toKey(name);
  goByRedisTime(queue.backend, { now: () => AT });
  await queue.add('job', { n: 1 }, { jobId: 'first' });
  await queue.add('job', {}, { jobId: 'second' });
  const [data, timestamp] = await redis.hmget(keyOf('first'), 'data', 'timestamp');
  yield ['a job is a hash with data and timestamp', data === '{"n":1}' && Number(timestamp) > 0];
  const [, fetched] = await queue.backend.moveToActive(TOKEN);
  yield ['the job that waited longest is fetched first', fetched === 'first'];
  const [processedOn] = await redis.hmget(keyOf('first'), 'processedOn');
  yield ['a fetch goes by the time that it is given', Number(processedOn) === AT];
  yield ['a job is locked by its token', (await redis.get(keyOf('first:lock'))) === TOKEN];
  await queue.backend.updateProgress('first', { v: 1 });
  const progress = await redis.hget(keyOf('first'), 'progress');
  yield ['progress is a field of the job', progress === '{"v":1}'];
  const moved = { skipAttempt: true, fetchNext: true };
  const next = await queue.backend.moveToDelayed('first', AT, DELAY_MS, TOKEN, moved);
  yield ['a move to sleep fetches the next job', next?.[1] === 'second'];
  const [sleeper, dueAt] = await redis.zrange(keyOf('delayed'), '0', '-1', 'WITHSCORES');
  const sleeps = sleeper === 'first' && Number(dueAt) === (AT + DELAY_MS) * 0x1000;
  yield ['a job that sleeps is in the set of delayed ones by its time', sleeps];
  const job = await queue.getJob('second');
  await job?.moveToCompleted('value', TOKEN, false);
  const ended = Number(await redis.zscore(keyOf('completed'), 'second'));
  const finishedOn = Number(await redis.hget(keyOf('second'), 'finishedOn'));
  yield ['an ended job is in its set by its time', ended === AT && finishedOn === AT];
  yield* assumptionsOfParents(queue, redis);
}

async function* assumptionsOfParents(
  queue: Queue,
  redis: Redis,
): AsyncGenerator<[string, boolean]> {
  const keyOf = (name: string) => queue.toKey(name);
  await queue.add('job', {}, { jobId: 'parent', priority: 1 });
  const [urgent] = await redis.zrangebyscore(keyOf('prioritized'), '-inf', '+inf');
  yield ['a job with a priority is in a set of its own', urgent === 'parent'];
  const marks = await redis.zcard(keyOf('marker'));
  yield ['a marker tells whoever waits that there is a job', marks === 1];
  await queue.backend.moveToActive(TOKEN);
  const parent = { id: 'parent', queue: queue.qualifiedName };
  await queue.add('job', {}, { jobId: 'child', parent });
  const children = await redis.smembers(keyOf('parent:dependencies'));
  yield ['a job has a set of those that it waits for', children.join() === keyOf('child')];
  await (await queue.getJob('parent'))?.moveToWaitingChildren(TOKEN);
  const waiting = await redis.zrevrange(keyOf('waiting-children'), 0, -1);
  yield ['a job that waits for others is in the set of these', waiting.join() === 'parent'];
}
