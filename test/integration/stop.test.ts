import { expect, it, onTestFinished } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const LONG = Number(process.env.CHAOS_SEEDS ?? 1) > 1;
/** What container schedulers give a process before they kill it. */
const GRACE_MS = 30_000;

interface Away {
  state: string;
  /** Whether a batch is under way, which then hangs. */
  busy: boolean;
  away(redis: PrivateRedis): Promise<void> | void;
}

const REDIS_GONE: Away = {
  state: 'has gone while no job runs',
  busy: false,
  away: (redis) => redis.kill(),
};
/** Each of these takes nearly all of the time that a worker has to stop. */
const LONG_ONES: Away[] = [
  { state: 'has gone while jobs run', busy: true, away: (redis) => redis.kill() },
  {
    state: 'hangs while jobs run',
    busy: true,
    away: (redis) => void process.kill(redis.pid, 'SIGSTOP'),
  },
];

it.each(LONG ? [REDIS_GONE, ...LONG_ONES] : [REDIS_GONE])(
  'a worker whose Redis $state ends on SIGTERM, in time',
  {
    timeout: 3 * GRACE_MS,
  },
  async ({ away, busy }) => {
    const redis = await startPrivateRedis();
    onTestFinished(() => redis.kill());
    const system = await startSystem({ redisUrl: redis.url });
    for (const queue of [system.batches, system.pollJobs, system.completions]) {
      queue.on('error', () => {});
    }
    const worker = await system.startWorkerProcess();
    if (busy) {
      system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'hang' }] });
      await system.submit('hanging', 1);
      await waitUntil('an upload', () => system.atlas.requests.count('multiupload') > 0);
    }
    await away(redis);
    worker.signal('SIGTERM');
    await waitUntil('the end of the worker', () => worker.hasExited, GRACE_MS);
    expect(await worker.exited).toBe(0);
    expect(worker.output()).toContain('worker stopped');
    expect(worker.output().includes('did not come to rest in time')).toBe(busy);
  },
);

it('a worker that stops gives a batch back whose objects are being checked, and counts no error of it', async () => {
  const system = await startSystem({ atlas: { fetchUrls: false } });
  const worker = await system.startWorkerProcess();
  // More than are checked between two safe points.
  const request = await system.request('checked', 600);
  system.s3.setFaults({ rules: [{ endpoint: 'head', fault: 'slow', delayMs: 30 }] });
  await system.add(request);
  await waitUntil('objects that are checked', () => system.s3.requests.count('head') > 0);
  worker.signal('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(worker.output()).not.toContain('unforeseen');
  const job = await system.batches.getJob('batch-checked');
  expect(job?.progress).toBe(0);
  expect(await job?.getState()).toBe('waiting');
});
