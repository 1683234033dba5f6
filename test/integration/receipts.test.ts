import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { expectAllEndedOnce, expectNoStrayKeys, stateOf } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { type System, startSystem } from '../helpers/system.js';
import { startTcpValve, type TcpValve } from '../helpers/tcp-valve.js';
import { waitUntil } from '../helpers/wait-until.js';
import type { WorkerProcess } from '../helpers/worker-process.js';

const BATCHES = LONG ? 60 : 10;
const DOCUMENTS = 3;
/** Atlas takes an upload at once; its response comes while Redis is in the state to be tried. */
const RESPONSE_MS = 1000;
const RECOVERY_TIMEOUT_MS = 90_000;
const TEST_TIMEOUT_MS = 180_000;
const MAX_WARNINGS = 100;
/** Less than what would pile up in an outage, and more than one garbage collection frees. */
const MAX_GROWTH_MB = 100;

interface Outage {
  name: string;
  /** Ends when the outage is over. */
  happen(redis: Redis, server: PrivateRedis, valve: TcpValve): Promise<void>;
}

/** An outage has no sign of its end but the clock. */
async function hold(seconds: number): Promise<void> {
  const began = performance.now();
  await waitUntil(
    'the end of the outage',
    () => performance.now() - began > 1000 * seconds,
    2000 * seconds,
  );
}

const stall = (seconds: number): Outage => ({
  name: `stalls for ${seconds} s`,
  happen: async (redis) => void (await redis.call('DEBUG', 'SLEEP', seconds)),
});
const refusal = (
  name: string,
  seconds: number,
  begin: (redis: Redis, server: PrivateRedis) => Promise<unknown>,
  setting: [string, string],
): Outage => ({
  name: `refuses writes (${name}) for ${seconds} s`,
  async happen(redis, server) {
    await begin(redis, server);
    await hold(seconds);
    await redis.config('SET', ...setting);
  },
});
const full = (seconds: number) =>
  refusal('OOM', seconds, (redis) => redis.config('SET', 'maxmemory', '1'), ['maxmemory', '0']);
const misconfigured = refusal(
  'MISCONF',
  12,
  async (redis, { dir }) => {
    // A snapshot that cannot take its place.
    await mkdir(join(dir, 'taken'));
    await redis.config('SET', 'dbfilename', 'taken');
    await redis.config('SET', 'save', '3600 1');
    await redis.bgsave();
    await waitUntil('a snapshot that failed', async () =>
      (await redis.info('persistence')).includes('rdb_last_bgsave_status:err'),
    );
  },
  ['stop-writes-on-bgsave-error', 'no'],
);
const withoutReplicas = refusal(
  'NOREPLICAS',
  12,
  (redis) => redis.config('SET', 'min-replicas-to-write', '1'),
  ['min-replicas-to-write', '0'],
);

const silence = (seconds: number): Outage => ({
  name: `falls silent for ${seconds} s`,
  async happen(_redis, _server, valve) {
    valve.silence();
    await hold(seconds);
    valve.admitNew();
  },
});

const OUTAGES = LONG
  ? [stall(5), stall(15), stall(30), full(12), misconfigured, withoutReplicas, silence(60)]
  : [stall(9.5), full(4)];

it.each(OUTAGES)(
  'a worker sends no document twice and says little when Redis $name, while its uploads are on their way',
  { timeout: TEST_TIMEOUT_MS },
  async ({ happen }) => {
    const { system, redis, server } = await systemWithRedis();
    const valve = await startTcpValve(server.port);
    const worker = await system.startWorkerProcess({
      REDIS_URL: `redis://127.0.0.1:${valve.port}`,
      SUBMIT_CONCURRENCY: `${BATCHES}`,
    });
    slowUploads(system);
    const requests = await Promise.all(
      Array.from({ length: BATCHES }, (_, i) =>
        system.submit(`held-${i}`, DOCUMENTS, `held-${i}-`),
      ),
    );
    await waitUntil('uploads on their way', () => system.atlas.uploads().length >= BATCHES / 2);
    const megabytesBefore = await megabytesOf(worker);
    await happen(redis, server, valve);
    await batchesEnded(system, BATCHES, RECOVERY_TIMEOUT_MS);
    expect((await megabytesOf(worker)) - megabytesBefore).toBeLessThan(MAX_GROWTH_MB);

    await expectAllEndedOnce(system, requests);
    expect(await system.batches.getCompletedCount()).toBe(BATCHES);
    expect(worker.output()).not.toContain('nobody will poll it');
    const uploads = system.atlas.uploads();
    expect(uploads).toHaveLength(BATCHES);
    for (const { batchId } of uploads) {
      expect(worker.output()).toMatch(new RegExp(`upload of held-\\d+ sent as ${batchId}`));
    }
    // What a batch says of its way it would say without the outage.
    const lines = worker.output().split('\n');
    const warnings = lines.filter((line) => line !== '' && !line.startsWith('{"level":30,'));
    expect(warnings.length, warnings.join('\n')).toBeLessThan(MAX_WARNINGS);
    await expectReceiptsExpire(system);
    worker.signal('SIGTERM');
    expect(await worker.exited).toBe(0);
    await expectNoStrayKeys(system);
  },
);

it('a worker that is stopped while Redis is full saves what Atlas answers', async () => {
  const { system, redis } = await systemWithRedis();
  const worker = await system.startWorker();
  slowUploads(system);
  await system.submit('full', DOCUMENTS);
  await waitUntil('an upload', () => system.atlas.uploads().length === 1);
  await redis.config('SET', 'maxmemory', '1');
  await worker.stop();
  const [upload] = system.atlas.uploads();
  expect((await stateOf(system, 'full')).uploads).toMatchObject([
    { state: 'sent', atlasBatchId: upload?.batchId },
  ]);
});

// It takes all the time that a worker has to stop.
// A stop waits for the save as long as it may, which is 23 s.
if (LONG) {
  it('a worker that is stopped names the batch_id that it could not save, and exits with 1', async () => {
    const { system, redis } = await systemWithRedis();
    const worker = await system.startWorkerProcess();
    slowUploads(system);
    await system.submit('unsaved', DOCUMENTS);
    await waitUntil('an upload', () => system.atlas.uploads().length === 1);
    await redis.config('SET', 'min-replicas-to-write', '1');
    worker.signal('SIGTERM');
    await waitUntil('the end of the worker', () => worker.hasExited, 30_000);
    const [upload] = system.atlas.uploads();
    const says = `1 upload is unknown, for what Atlas answered is not saved: unsaved (${upload?.batchId})`;
    expect(worker.output()).toContain(says);
    expect(await worker.exited).toBe(1);
  });
}

it('a worker waits for the response that another one awaits, however long, and sends nothing again', async () => {
  const { system } = await systemWithRedis();
  const [one, two] = await Promise.all([system.startWorkerProcess(), system.startWorkerProcess()]);
  system.atlas.setFaults({
    rules: [{ endpoint: 'multiupload', fault: 'slow', delayMs: 6000 }],
  });
  await system.submit('stolen', DOCUMENTS);
  await waitUntil('an upload', () => system.atlas.uploads().length === 1);
  // The lock is gone, and somebody finds the upload.
  const lock = system.batches.toKey('batch-stolen:lock');
  await system.redis.set(lock, 'another');
  await system.redis.pexpire(lock, 1);
  await waitUntil('a second run of the job', async () => {
    return ((await system.batches.getJob('batch-stolen'))?.attemptsStarted ?? 0) > 1;
  });
  expect((await stateOf(system, 'stolen')).uploads).toMatchObject([{ state: 'sending' }]);
  expect((await system.event('done-stolen')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
  expect(one.output() + two.output()).toContain('it finds what Atlas answered in a receipt');
  await expectReceiptsExpire(system);
});

/** As if six workers had died over it: one more lost entry is forgiven, for its worker may live. */
async function markAsDeadly({ redis, batches }: System): Promise<void> {
  const key = batches.toKey('batch-ended');
  const state = JSON.parse((await redis.hget(key, 'progress')) ?? '');
  const lost = { stalls: 6, holder: 'gone', suspects: [], deaths: 6, waitedFor: 5 };
  await redis.hset(key, { progress: JSON.stringify({ ...state, lost }), stc: 5 });
}

it.each(['before', 'after'])(
  'an operator who retries a batch that ended while it was being sent, %s the response, sends nothing again',
  async (when) => {
    const { system } = await systemWithRedis();
    const sender = await system.startWorkerProcess();
    let respond = () => {};
    const until = new Promise<void>((resolve) => {
      respond = resolve;
    });
    system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'late', until }] });
    await system.submit('ended', DOCUMENTS);
    await waitUntil('an upload', () => system.atlas.faultsFired().late === 1);
    // As if its workers had died too often: the next one ends it.
    await system.startWorker();
    const key = system.batches.toKey('batch-ended');
    await markAsDeadly(system);
    await system.redis.set(`${key}:lock`, 'another', 'PX', 1);
    expect((await system.event('done-ended')).data.reason?.code).toBe('INTERNAL');
    expect((await stateOf(system, 'ended')).uploads).toMatchObject([{ state: 'sending' }]);
    const job = await system.batches.getJob('batch-ended');
    await waitUntil('a failed job', () => job?.isFailed());
    if (when === 'before') {
      await job?.retry('failed');
      await waitUntil('a batch that sleeps', () => job?.isDelayed());
    }
    respond();
    await waitUntil('a receipt', () => sender.output().includes('in a receipt'));
    if (when === 'after') await job?.retry('failed');
    expect((await system.event('done-ended~2')).name).toBe('batch.completed');
    expect(system.atlas.uploads()).toHaveLength(1);
    await expectReceiptsExpire(system);
  },
);

it('an operator who retries a batch whose sender has died consents to send it again', async () => {
  const { system } = await systemWithRedis();
  const sender = await system.startWorkerProcess({ ON_AMBIGUOUS_SUBMISSION: 'fail' });
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'hang', times: 1 }] });
  await system.submit('ended', DOCUMENTS);
  await waitUntil('a request', () => system.atlas.requests.count('multiupload') === 1);
  await sender.kill();
  await markAsDeadly(system);
  await system.startWorker({ ON_AMBIGUOUS_SUBMISSION: 'fail' });
  expect((await system.event('done-ended')).data.reason?.code).toBe('INTERNAL');
  const job = await system.batches.getJob('batch-ended');
  await waitUntil('a failed job', () => job?.isFailed());
  await job?.retry('failed');
  expect((await system.event('done-ended~2')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
  expect((await stateOf(system, 'ended')).uploads).toMatchObject([{ resubmissions: 1 }]);
});

it('a worker asks the sender when a failover has lost what it had saved', async () => {
  const { system } = await systemWithRedis();
  system.atlas.setFaults({ rules: [{ endpoint: 'extracts', fault: 503 }] });
  slowUploads(system);
  const worker = await system.startWorkerProcess();
  await system.submit('lost', DOCUMENTS);
  await waitUntil('an upload', () => system.atlas.uploads().length === 1);
  const before = await stateOf(system, 'lost');
  expect(before.uploads).toMatchObject([{ state: 'sending' }]);
  await batchesInFlight(system);
  const [pollJob] = await system.pollJobs.getJobs();
  await system.redis.hset(system.batches.toKey('batch-lost'), 'progress', JSON.stringify(before));
  // Without it the batch is entered again.
  await waitUntil('a removed poll job', () =>
    pollJob?.remove().then(
      () => true,
      () => false,
    ),
  );
  system.atlas.clearFaults();
  expect((await system.event('done-lost')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
  expect((await stateOf(system, 'lost')).uploads).toMatchObject([{ resubmissions: 0 }]);
  await worker.kill();
});

it('a worker that is killed leaves an upload planned while it waits for a token', async () => {
  const { system } = await systemWithRedis();
  const worker = await system.startWorkerProcess();
  system.atlas.setFaults({ rules: [{ endpoint: 'authtoken', fault: 'hang' }] });
  await system.submit('tokenless', DOCUMENTS);
  await waitUntil(
    'a job that is active',
    async () => (await system.batches.getActiveCount()) === 1,
  );
  await waitUntil('a request for a token', () => system.atlas.requests.count('authtoken') > 0);
  await worker.kill();
  const job = await system.batches.getJob('batch-tokenless');
  expect(JSON.stringify(job?.progress)).not.toContain('sending');
});

async function systemWithRedis(): Promise<{
  system: System;
  redis: Redis;
  server: PrivateRedis;
}> {
  const args = ['--enable-debug-command', 'yes', '--enable-protected-configs', 'yes'];
  const server = await startPrivateRedis({ args });
  onTestFinished(() => server.stop());
  const system = await startSystem({ redisUrl: server.url, atlas: { fetchUrls: false } });
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  onTestFinished(() => redis.disconnect());
  return { system, redis, server };
}

/** What a process has in memory. */
async function megabytesOf({ pid }: WorkerProcess): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', `${pid}`]);
  return Number(stdout) / 1024;
}

function slowUploads({ atlas }: System): void {
  atlas.setFaults({
    rules: [{ endpoint: 'multiupload', fault: 'slow', delayMs: RESPONSE_MS }],
  });
}

/** A receipt is deleted with the save of what it says; one that nobody needed lives for a time. */
async function expectReceiptsExpire({ redis, prefix }: System): Promise<void> {
  const keys = await redis.keys(`${prefix.replace(/[{}]/g, '?')}:receipt:*`);
  for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
}
