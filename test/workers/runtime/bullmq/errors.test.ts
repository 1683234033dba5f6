/** The codes of the errors with which BullMQ refuses a move or a child. */
import { ErrorCode } from 'bullmq';
import { expect, test } from 'vitest';
import { LONG_MS, startBullmq, TOKEN } from './start-bullmq.js';

test('a move of a job that is gone has the code JobNotExist, -1', async () => {
  const { fetchOne, redis, queue } = startBullmq();
  const job = await fetchOne();
  await redis.del(queue.toKey('one'));
  const error = { code: ErrorCode.JobNotExist };
  await expect(job.moveToDelayed(Date.now(), TOKEN)).rejects.toMatchObject(error);
  await expect(job.updateProgress({})).rejects.toMatchObject(error);
  expect(ErrorCode.JobNotExist).toBe(-1);
});

test('a move without the lock has the code -2, and with the lock of another -6', async () => {
  const { fetchOne, redis, queue } = startBullmq();
  const job = await fetchOne();
  const move = () => job.moveToDelayed(Date.now() + LONG_MS, TOKEN);
  await redis.set(queue.toKey('one:lock'), 'another');
  await expect(move()).rejects.toMatchObject({ code: -6 });
  await redis.del(queue.toKey('one:lock'));
  await expect(move()).rejects.toMatchObject({ code: -2 });
});

test('the promotion of a job that is not delayed has the code JobNotInState, -3', async () => {
  const { add, fetch, stateOf } = startBullmq();
  const error = { code: ErrorCode.JobNotInState };
  const job = await add('one');
  await expect(job.promote()).rejects.toMatchObject(error);
  const active = await fetch();
  await expect(job.promote()).rejects.toMatchObject(error);
  await active.moveToCompleted('', TOKEN, false);
  await expect(job.promote()).rejects.toMatchObject(error);
  expect(await stateOf('one')).toBe('completed');
  expect(ErrorCode.JobNotInState).toBe(-3);
});

test('the retry of a job that has not ended has the code JobNotInState, -3', async () => {
  const { add } = startBullmq();
  const job = await add('one');
  await expect(job.retry('failed')).rejects.toMatchObject({ code: ErrorCode.JobNotInState });
});

test('a child of a missing parent has the code ParentJobNotExist, -5', async () => {
  const { addChild } = startBullmq();
  await expect(addChild('child', 'nobody')).rejects.toMatchObject({
    code: ErrorCode.ParentJobNotExist,
  });
  expect(ErrorCode.ParentJobNotExist).toBe(-5);
});

test('a child of another living parent has the code ParentJobCannotBeReplaced, -7', async () => {
  const { add, addChild } = startBullmq();
  for (const jobId of ['one', 'other']) await add(jobId);
  await addChild('child', 'one');
  await expect(addChild('child', 'other')).rejects.toMatchObject({
    code: ErrorCode.ParentJobCannotBeReplaced,
  });
  expect(ErrorCode.ParentJobCannotBeReplaced).toBe(-7);
});
