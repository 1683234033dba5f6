import { DelayedError, WaitingError } from 'bullmq';
import { expect, test } from 'vitest';
import { waitUntil } from '../../../helpers/wait-until.js';
import { LONG_MS, startBullmq, TOKEN } from './start-bullmq.js';

test('the move to delayed of the backend fetches the next job in the same script', async () => {
  const { fetchOne, add, worker, hash, stateOf } = startBullmq();
  const job = await fetchOne();
  await add('two');
  const options = { skipAttempt: true, fetchNext: true };
  const [data, id] =
    (await worker.backend.moveToDelayed('one', Date.now(), LONG_MS, TOKEN, options)) ?? [];
  expect(id).toBe('two');
  const next = await worker.nextJobFromJobData(data, id, TOKEN);
  expect(next).toMatchObject({ id: 'two', token: TOKEN, attemptsStarted: 1 });
  expect(await hash('one')).not.toHaveProperty('atm');
  expect(await Promise.all([stateOf('one'), stateOf('two')])).toEqual(['delayed', 'active']);
  await expect(job.moveToDelayed(Date.now(), TOKEN)).rejects.toMatchObject({ code: -2 });
});

test('the move to delayed of the backend fetches nothing when no job waits, or without the lock', async () => {
  const { fetchOne, add, worker, redis, queue, stateOf } = startBullmq();
  await fetchOne();
  const move = () =>
    worker.backend.moveToDelayed('one', Date.now(), LONG_MS, TOKEN, { fetchNext: true });
  await redis.rename(queue.toKey('one:lock'), queue.toKey('away'));
  await add('two');
  await expect(move()).rejects.toMatchObject({ code: -2 });
  expect(await stateOf('two')).toBe('waiting');
  await redis.rename(queue.toKey('away'), queue.toKey('one:lock'));
  await (await queue.getJob('two'))?.remove();
  expect((await move()) ?? []).toEqual([]);
});

test('a job that is moved from active to wait is the next to be fetched', async () => {
  const { fetchOne, add, fetch, worker, redis, queue } = startBullmq();
  await fetchOne();
  await add('two');
  await worker.backend.moveJobFromActiveToWait('one', TOKEN);
  expect(await redis.exists(queue.toKey('one:lock'))).toBe(0);
  expect((await fetch()).id).toBe('one');
});

test('neither progress nor a child needs the lock of the job', async () => {
  const { fetchOne, addChild, redis, queue, hash } = startBullmq();
  const job = await fetchOne();
  await redis.set(queue.toKey('one:lock'), 'another');
  await job.updateProgress({ v: 2 });
  await addChild('child', 'one');
  expect((await hash('one')).progress).toBe('{"v":2}');
});

test('only a plain error raises attemptsMade, and every run attemptsStarted', async () => {
  const { add, queue } = startBullmq(async (job, token = '') => {
    const run = job.attemptsStarted;
    if (run === 1) {
      await job.moveToDelayed(Date.now(), token);
      throw new DelayedError();
    }
    if (run === 2) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (run === 3) throw new Error('broken');
  });
  await add('one', { attempts: 2 });
  await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
  expect(await queue.getJob('one')).toMatchObject({ attemptsMade: 2, attemptsStarted: 4 });
});

test('a promoted job waits behind those that wait', async () => {
  const { add, fetch } = startBullmq();
  const late = await add('late', { delay: LONG_MS });
  await add('early');
  await late.promote();
  expect([(await fetch()).id, (await fetch('other')).id]).toEqual(['early', 'late']);
});

test('a finished job is removed by its age when another one ends, and not before', async () => {
  const { add, fetch, queue, redis } = startBullmq();
  const keep = { removeOnComplete: { age: 1 } };
  for (const jobId of ['old', 'new']) await add(jobId, keep);
  await (await fetch()).moveToCompleted('', TOKEN, false);
  await redis.zadd(queue.toKey('completed'), Date.now() - LONG_MS, 'old');
  expect(await queue.getJob('old')).toBeDefined();
  await (await fetch()).moveToCompleted('', TOKEN, false);
  expect(await queue.getJob('old')).toBeUndefined();
});
