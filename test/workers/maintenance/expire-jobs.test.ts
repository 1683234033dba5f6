/** What is kept for long enough is removed, and nothing else, by as many workers as there are. */
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { makeRoom, removeUntaken } from '../../../src/workers/maintenance/expire-jobs.js';
import { startSystem } from '../../helpers/system.js';

const HOUR_MS = 3_600_000;
const WEEK_HOURS = 168;
const KEPT = {
  KEEP_COMPLETED_SECONDS: 86_400,
  KEEP_COMPLETED_COUNT: 1000,
  KEEP_FAILED_SECONDS: WEEK_HOURS * 3600,
  COMPLETIONS_TTL_MS: WEEK_HOURS * HOUR_MS,
  BATCH_DEADLINE_MS: HOUR_MS,
};
/** Each is lost to a race often, by workers of which each is some commands behind the one before. */
const ROUNDS = 20;
const WORKERS = 4;

it('workers that remove what is old at the same time remove nothing that is young, and keep as many as are wanted', async () => {
  const { batches, redis, prefix, environment } = await startSystem();
  const config = { QUEUE_PREFIX: prefix, ...KEPT };
  const connections = Array.from(
    { length: WORKERS },
    () => new Redis(environment.REDIS_URL ?? '', { maxRetriesPerRequest: null }),
  );
  onTestFinished(() => {
    for (const connection of connections) connection.disconnect();
  });
  const stopping = new AbortController().signal;
  const plant = async (state: string, count: number, ageHours: (n: number) => number) => {
    const now = Date.now();
    const scores = Array.from({ length: count }, (_, n) => [
      now - ageHours(n) * HOUR_MS + n,
      `${n}`,
    ]);
    await redis.del(batches.toKey(state));
    await redis.zadd(batches.toKey(state), ...scores.flat());
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    await plant('failed', 4000, (n) => (n < 1500 ? WEEK_HOURS + 10 : WEEK_HOURS - 10));
    await plant('completed', 3000, () => 1);
    await Promise.all(
      connections.map(async (connection, n) => {
        for (let command = 0; command < n; command += 1) await connection.ping();
        const clock = { now: () => Date.now() };
        await makeRoom({ config, redis: connection, clock, stopping } as never);
      }),
    );
    const left = await Promise.all(
      ['failed', 'completed'].map((state) => redis.zcard(batches.toKey(state))),
    );
    expect(left).toEqual([2500, 1000]);
  }
});

it('old events that nobody takes go, also when a young one stands among them', async () => {
  const { completions, redis } = await startSystem();
  const timestamp = Date.now() - 100_000;
  await completions.addBulk(
    Array.from({ length: 3000 }, (_, n) => ({
      name: 'batch.completed',
      data: {} as never,
      opts: { jobId: `done-${n}`, timestamp },
    })),
  );
  // Its consumer has died a moment ago, and another one has brought it back.
  await redis.hset(completions.toKey('done-0'), 'processedOn', Date.now() + HOUR_MS);
  const context = {
    ...{ config: { COMPLETIONS_TTL_MS: 20_000 }, clock: { now: () => Date.now() } },
    ...{ logger: { warn: () => {} }, stopping: new AbortController().signal },
  };
  await removeUntaken(context as never, completions, 'wait');
  expect(await completions.getWaitingCount()).toBe(1);
});
