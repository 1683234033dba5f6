/** Which scripts put jobs to sleep or wake them, and by which time. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { goByRedisTime } from '../../../../src/redis/worker-time.js';
import { LONG_MS, startBullmq, TOKEN } from './start-bullmq.js';

/** No clock says so. */
const AT = 1_000_000_000_000;

const scripts: Record<string, { name: string; content: string }> = createRequire(import.meta.url)(
  'bullmq/dist/cjs/scripts/index.js',
);

test('no script puts jobs to sleep or wakes them but those that add or plan jobs, and those of the moves', () => {
  const timed = Object.values(scripts)
    .filter(({ content }) =>
      /promoteDelayedJobs\(|getDelayedScore\(|"ZADD", *\w*delayed/i.test(content),
    )
    .map(({ name }) => name)
    // They go by the `timestamp` of the job, and no worker calls the others.
    .filter((name) => !/^add|^updateJobScheduler$|^changeDelay$|^releaseParent/.test(name));
  expect(timed.sort()).toEqual(['moveToActive', 'moveToDelayed', 'moveToFinished', 'retryJob']);
});

/** A worker by the time `AT`, and a job of it that is active. */
async function startAt() {
  const bullmq = startBullmq();
  const clock = { at: AT, now: () => clock.at };
  goByRedisTime(bullmq.worker.backend, clock);
  const job = await bullmq.fetchOne();
  const due = async (jobId: string) => {
    const score = await bullmq.redis.zscore(bullmq.queue.toKey('delayed'), jobId);
    return Number(score) / 0x1000;
  };
  return { ...bullmq, clock, job, due };
}

test('a job sleeps from the time of the worker on, also after an error, and a fetch wakes it at that time', async () => {
  const { add, clock, fetch, job, due, hash, worker } = await startAt();
  expect(await hash('one')).toMatchObject({ processedOn: String(AT) });
  await job.moveToDelayed(Date.now() + LONG_MS, TOKEN);
  expect(Math.abs((await due('one')) - AT - LONG_MS)).toBeLessThan(1000);

  await add('two', { attempts: 2, backoff: { type: 'fixed', delay: 1000 } });
  await (await fetch()).moveToFailed(new Error('broken'), TOKEN);
  expect(await due('two')).toBe(AT + 1000);

  clock.at += 999;
  expect(await worker.getNextJob(TOKEN, { block: false })).toBeUndefined();
  clock.at += 1;
  expect((await fetch()).id).toBe('two');
});

test('what is due at the time of the worker is woken by the end of a job, and by one that is tried again at once', async () => {
  const { add, clock, fetch, job, stateOf } = await startAt();
  const sleeper = { timestamp: AT, delay: 1000 };
  await add('first', sleeper);
  await add('second', { ...sleeper, delay: 2000 });
  clock.at += 1000;
  await job.moveToCompleted('', TOKEN, true);
  expect(job.finishedOn).toBe(AT + 1000);
  expect(await Promise.all([stateOf('first'), stateOf('second')])).toEqual(['active', 'delayed']);

  await add('failing', { attempts: 2 });
  const failing = await fetch('other');
  clock.at += 1000;
  await failing.moveToFailed(new Error('broken'), 'other', false);
  expect(await stateOf('second')).toBe('waiting');
});

test('a fetch that finds nothing, and a marker, say when the next job is due by the clock of the host', async () => {
  const { add, job, redis, queue, worker } = await startAt();
  await job.moveToCompleted('', TOKEN, false);
  await add('sleeper', { timestamp: AT, delay: LONG_MS });
  const isInAnHour = (time: unknown) => Math.abs(Number(time) - Date.now() - LONG_MS) < 60_000;
  const [, , , dueAt] = await worker.backend.moveToActive(TOKEN);
  expect(dueAt).toSatisfy(isInAnHour);
  expect(await redis.zscore(queue.toKey('marker'), '1')).toBe(String(AT + LONG_MS));
  await redis.zrem(queue.toKey('marker'), '0');
  expect((await worker.backend.waitForJob(1))?.score).toSatisfy(isInAnHour);
  await add('other');
  expect((await worker.backend.waitForJob(1))?.score).toBe(0);
});
