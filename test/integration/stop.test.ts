import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import type { PollState } from '../../src/jobs/state/poll-state.js';
import { LONG } from '../helpers/long-form.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { spawnWorker } from '../helpers/worker-process.js';

/** What a worker takes at most; container schedulers kill it 5 s later. */
const STOP_MS = 25_000;
/** And where nothing was sent, so that nothing is waited for. */
const UNSENT_STOP_MS = 5000;
const TEST_TIMEOUT_MS = 90_000;

/** What a worker is in when it is told to stop. */
interface State {
  state: string;
  /** Makes it so; the worker runs, or is only starting. */
  enter(scene: { system: System; redis: PrivateRedis; admin: Redis }): Promise<unknown> | unknown;
  /** Whether jobs are left to the next worker, with uploads of which nobody knows what became. */
  cut?: boolean;
}

async function uploading({ atlas, submit }: System): Promise<void> {
  atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'hang' }] });
  await submit('hanging', 1);
  await waitUntil('an upload', () => atlas.requests.count('multiupload') > 0);
}

async function polling({ atlas, submit }: System): Promise<void> {
  atlas.setFaults({ rules: [{ endpoint: 'extracts', fault: 'hang' }] });
  await submit('hanging', 1);
  await waitUntil('a poll', () => atlas.requests.count('extracts') > 0);
}

const SHORT: State[] = [
  { state: 'no job, and its Redis has gone', enter: ({ redis }) => redis.kill() },
  {
    state: 'a poll, and its Redis is full',
    async enter({ system, admin }) {
      await system.submit('polled', 1);
      await waitUntil('a poll', () => system.atlas.requests.count('extracts') > 0);
      await admin.config('SET', 'maxmemory', '1000000');
    },
  },
];
const LONG_ONES: State[] = [
  {
    state: 'an upload, and its Redis has gone',
    cut: true,
    async enter({ system, redis }) {
      await uploading(system);
      await redis.kill();
    },
  },
  {
    state: 'an upload, and its Redis hangs',
    cut: true,
    async enter({ system, redis }) {
      await uploading(system);
      process.kill(redis.pid, 'SIGSTOP');
    },
  },
  {
    state: 'no job, and its Redis hangs',
    enter: ({ redis }) => process.kill(redis.pid, 'SIGSTOP'),
  },
  {
    state: 'an upload, and its Redis is full',
    async enter({ system, admin }) {
      await uploading(system);
      await admin.config('SET', 'maxmemory', '1000000');
    },
  },
  {
    // What came of the upload is tried to be saved for as long as the stop may take.
    state: 'an upload, and its Redis is read-only',
    cut: true,
    async enter({ system, admin }) {
      await uploading(system);
      await admin.replicaof('127.0.0.1', randomPort());
    },
  },
  { state: 'an upload that hangs', enter: ({ system }) => uploading(system) },
  { state: 'a poll that hangs', enter: ({ system }) => polling(system) },
  {
    state: 'polls that wait for memory, for S3 hangs',
    async enter({ system }) {
      const bytes = 12 * 1024 * 1024;
      system.atlas.setFaults({ rules: [{ fault: 'huge-extracts', bytes }] });
      system.s3.setFaults({ rules: [{ endpoint: 'put', fault: 'hang' }] });
      for (let i = 0; i < 8; i += 1) await system.submit(`large-${i}`, 1, `large-${i}-`);
      await waitUntil('a poll that waits for memory', async () => {
        const polls: { progress: unknown }[] = await system.pollJobs.getJobs(['delayed']);
        return polls.some(({ progress }) => (progress as Partial<PollState>).wantedBytes);
      });
    },
  },
];

/** Nothing of the upload was sent yet. */
const UNSENT: { state: string; enter(system: System): Promise<unknown> }[] = [
  {
    state: 'waits for a token',
    async enter({ atlas, submit }) {
      atlas.setFaults({ rules: [{ endpoint: 'authtoken', fault: 'hang' }] });
      await submit('unsent', 1);
      await waitUntil('a request for a token', () => atlas.requests.count('authtoken') > 0);
    },
  },
  {
    state: 'waits for S3 to say whether its objects are there',
    async enter(system) {
      const request = await system.request('unsent', 1);
      system.s3.setFaults({ rules: [{ endpoint: 'head', fault: 'hang' }] });
      await system.add(request);
      await waitUntil('a check', () => system.s3.requests.count('head') > 0);
    },
  },
  {
    state: 'waits for credentials of AWS',
    async enter({ submit, batches }) {
      await submit('unsent', 1);
      await waitUntil('a batch that runs', async () => (await batches.getActiveCount()) > 0);
    },
  },
];

it.each(LONG ? [...SHORT, ...LONG_ONES] : SHORT)(
  'a worker with $state ends on SIGTERM, in time',
  { timeout: TEST_TIMEOUT_MS },
  async ({ enter, cut = false }) => {
    const redis = await startPrivateRedis();
    onTestFinished(() => redis.kill());
    const admin = new Redis(redis.url);
    admin.on('error', () => {});
    onTestFinished(() => admin.disconnect());
    const system = await startSystem({ redisUrl: redis.url });
    const worker = await system.startWorkerProcess();
    await enter({ system, redis, admin });
    worker.signal('SIGTERM');
    await waitUntil('the end of the worker', () => worker.hasExited, STOP_MS);
    expect(await worker.exited).toBe(cut ? 1 : 0);
    expect(worker.output().includes('1 upload is unknown')).toBe(cut);
    expect(worker.output()).toContain('worker stopped');
    const wasCut = worker.output().includes('did not come to rest in time');
    expect(wasCut).toBe(cut);
    expect(worker.output()).not.toMatch(/StoppingError|unforeseen/);
  },
);

/** Sleeps for longer than any stop may take, and gives no credentials. */
const HANGING_CREDENTIALS = `[default]
credential_process = "${process.execPath}" -e "setTimeout(() => {}, 60000)"
`;

it.each(UNSENT)(
  'a worker whose batch $state ends on SIGTERM within seconds, and the next one sends it',
  async ({ state, enter }) => {
    const system = await startSystem();
    const folder = await mkdtemp(join(tmpdir(), 'stop-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const AWS_CONFIG_FILE = join(folder, 'config');
    await writeFile(AWS_CONFIG_FILE, HANGING_CREDENTIALS);
    const isWithout = state.endsWith('credentials of AWS');
    const worker = await system.startWorkerProcess(
      isWithout ? { AWS_CONFIG_FILE, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' } : {},
    );
    await enter(system);
    worker.signal('SIGTERM');
    await waitUntil('the end of the worker', () => worker.hasExited, UNSENT_STOP_MS);
    expect(await worker.exited).toBe(0);
    expect(worker.output()).toContain('worker stopped');
    expect(worker.output()).not.toMatch(/StoppingError|unforeseen|did not come to rest|AbortError/);
    const job = await system.batches.getJob('batch-unsent');
    expect(await job?.getState()).toBe('waiting');
    system.atlas.setFaults({ rules: [] });
    system.s3.setFaults({ rules: [] });
    await system.startWorker();
    expect((await system.event('done-unsent')).name).toBe('batch.completed');
    expect([...system.atlas.batches()]).toHaveLength(1);
  },
  TEST_TIMEOUT_MS,
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

it('a worker that waits for Redis ends on SIGTERM, and a second signal ends any at once', async () => {
  const system = await startSystem();
  const REDIS_URL = `redis://127.0.0.1:${randomPort()}`;
  const waiting = spawnWorker({ ...system.environment, REDIS_URL });
  onTestFinished(() => waiting.kill());
  await waitUntil('a worker that waits', () => waiting.output().includes('waiting for it'));
  waiting.signal('SIGTERM');
  expect(await waiting.exited).toBe(0);

  const worker = await system.startWorkerProcess();
  await uploading(system);
  worker.signal('SIGTERM');
  await waitUntil('a worker that stops', () => worker.output().includes('worker stopping'));
  worker.signal('SIGTERM');
  // An ordered stop, which waits for the upload, has another code.
  expect(await worker.exited).toBe(143);
});
