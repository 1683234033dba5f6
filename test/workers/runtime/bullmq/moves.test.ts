import { DelayedError, WaitingError } from 'bullmq';
import { expect, test } from 'vitest';
import { waitUntil } from '../../../helpers/wait-until.js';
import { LONG_MS, startBullmq, TOKEN } from './start-bullmq.js';

test('a fetch that is called in the turn of moveToDelayed goes out behind it', async () => {
  const { fetchOne, worker } = startBullmq();
  const job = await fetchOne();
  // Due at once: only a fetch behind the move finds it.
  const moved = job.moveToDelayed(Date.now(), TOKEN);
  const next = worker.moveToActive(TOKEN);
  await moved;
  expect((await next)?.id).toBe('one');
});

test('a fetch that is called in the turn of moveToWaitingChildren goes out behind it', async () => {
  const { fetchOne, add, addChild, worker, redis } = startBullmq();
  const job = await fetchOne();
  await addChild('child', 'one');
  await add('two');
  const sent: string[] = [];
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, ...rest) => {
    sent.push(command.args.some((arg) => String(arg).endsWith(':limiter')) ? 'fetch' : 'move');
    return send(command, ...rest);
  };
  const moved = job.moveToWaitingChildren(TOKEN);
  const next = worker.moveToActive(TOKEN);
  const sentInThisTurn = await new Promise<string[]>((resolve) => {
    setImmediate(() => resolve([...sent]));
  });
  expect(sentInThisTurn).toEqual(['move', 'fetch']);
  expect(await moved).toBe(true);
  expect((await next)?.id).toBe('two');
});

test('the move to delayed of the backend saves fields and fetches the next job in one script', async () => {
  const { fetchOne, add, worker, hash, stateOf } = startBullmq();
  await fetchOne();
  await add('two');
  const reply = await worker.backend.moveToDelayed('one', Date.now(), LONG_MS, TOKEN, {
    skipAttempt: true,
    fieldsToUpdate: { progress: '{"v":1}' },
    fetchNext: true,
  });
  expect(Array.isArray(reply) && reply[1]).toBe('two');
  expect((await hash('one')).progress).toBe('{"v":1}');
  expect(await Promise.all([stateOf('one'), stateOf('two')])).toEqual(['delayed', 'active']);
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
