/** The keys and fields of Redis in which BullMQ keeps its jobs. */
import { expect, test } from 'vitest';
import { LONG_MS, startBullmq, TOKEN } from './start-bullmq.js';

test('a job is a hash at <prefix>:<queue>:<id> with these fields', async () => {
  const { add, fetch, hash, redis, queue } = startBullmq();
  await add('one', { delay: LONG_MS });
  expect(queue.toKey('one')).toBe(`${queue.qualifiedName}:one`);
  expect(await hash('one')).toMatchObject({
    name: 'job',
    data: '{}',
    opts: expect.any(String),
    timestamp: expect.stringMatching(/^\d{13}$/),
    delay: String(LONG_MS),
  });
  expect(await redis.zrange(queue.toKey('delayed'), '0', '-1')).toEqual(['one']);
  await (await queue.getJob('one'))?.promote();
  const job = await fetch();
  await job.updateProgress({ v: 1 });
  expect(await hash('one')).toMatchObject({
    progress: '{"v":1}',
    processedOn: expect.stringMatching(/^\d{13}$/),
    ats: '1',
  });
  await job.moveToFailed(new Error('broken'), TOKEN, false);
  expect(await hash('one')).toMatchObject({
    atm: '1',
    failedReason: 'broken',
    finishedOn: expect.stringMatching(/^\d{13}$/),
  });
  expect(await redis.zrange(queue.toKey('failed'), '0', '-1')).toEqual(['one']);
});

test('the log of a job is a list, and its progress an entry of the stream of events', async () => {
  const { fetchOne, redis, queue } = startBullmq();
  const job = await fetchOne();
  await job.log('a line');
  await job.updateProgress({ step: 1 });
  expect(await redis.lrange(queue.toKey('one:logs'), '0', '-1')).toEqual(['a line']);
  const [last] = await redis.xrevrange(queue.toKey('events'), '+', '-', 'COUNT', 1);
  expect(last?.[1]).toEqual(['event', 'progress', 'jobId', 'one', 'data', '{"step":1}']);
  await job.moveToCompleted('value', TOKEN, false);
  const events = await redis.xrevrange(queue.toKey('events'), '+', '-', 'COUNT', 2);
  const completed = events.find(([, fields]) => fields.includes('completed'));
  expect(completed?.[1]).toEqual(expect.arrayContaining(['jobId', 'one', 'returnvalue']));
});

test('a parent keeps the results of its children in a hash, and a child its parent', async () => {
  const { fetchOne, addChild, endChild, redis, queue, children } = startBullmq();
  await fetchOne();
  await addChild('child', 'one');
  const childKey = children.toKey('child');
  expect(await redis.hget(childKey, 'parentKey')).toBe(queue.toKey('one'));
  expect(await redis.smembers(queue.toKey('one:dependencies'))).toEqual([childKey]);
  await endChild('child');
  expect(await redis.hgetall(queue.toKey('one:processed'))).toEqual({ [childKey]: '"value"' });
  expect(await redis.zrange(children.toKey('completed'), '0', '-1')).toEqual(['child']);
});

test('a job with a priority is in a set of its own, which is read when none waits', async () => {
  const { add, fetch, redis, queue } = startBullmq();
  await add('urgent', { priority: 1 });
  await add('plain');
  expect(await redis.zrange(queue.toKey('prioritized'), '0', '-1')).toEqual(['urgent']);
  expect(await redis.lrange(queue.toKey('wait'), '0', '-1')).toEqual(['plain']);
  expect([(await fetch()).id, (await fetch('other')).id]).toEqual(['plain', 'urgent']);
});

test('a waiting job enters the list at its head and leaves it at its tail', async () => {
  const { add, fetch, redis, queue } = startBullmq();
  for (const jobId of ['first', 'second']) await add(jobId);
  expect(await redis.lindex(queue.toKey('wait'), -1)).toBe('first');
  expect((await fetch()).id).toBe('first');
});

test('an id that is a whole number or holds a colon is refused', async () => {
  const { add } = startBullmq();
  await expect(add('123')).rejects.toThrow(/integer/i);
  await expect(add('a:b')).rejects.toThrow(/:/);
});
