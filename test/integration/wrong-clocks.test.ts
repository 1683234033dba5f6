/** Of hosts whose clocks are ten minutes off: what sleeps wakes in time by the clock of Redis. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { redisTimeMs } from '../../src/redis/clock.js';
import { runCli } from '../cli/run-cli.js';
import { testRedis } from '../helpers/redis.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';
import type { WorkerProcess } from '../helpers/worker-process.js';

const SKEWED_CLOCK = new URL('../cli/skewed-clock.mjs', import.meta.url).href;
const HANDLER = fileURLToPath(new URL('../client/handler.process.mjs', import.meta.url));
const AHEAD = 600_000;
const BEHIND = -AHEAD;
const RIGHT = 0;
const POLL_MIN_MS = 500;
const POLL_MAX_MS = 1000;
/** For a fetch, a request and a save, on a machine that is busy. */
const SLACK_MS = 5000;

const startPolling = (environment: Record<string, string> = {}) =>
  startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: {
      POLL_MIN_MS: String(POLL_MIN_MS),
      POLL_MAX_MS: String(POLL_MAX_MS),
      ...environment,
    },
  });

const nodeOptions = (aheadMs: number) => `--import=${SKEWED_CLOCK}?aheadMs=${aheadMs}`;

function startWorker(system: System, aheadMs: number): Promise<WorkerProcess> {
  return system.startWorkerProcess({ NODE_OPTIONS: nodeOptions(aheadMs) });
}

/** When the only job that sleeps in a queue is due, from now on by the clock of Redis; null when none sleeps. */
async function dueInMs(redis: Redis, queue: Queue): Promise<number | null> {
  const [, score] = await redis.zrange(queue.toKey('delayed'), '0', '0', 'WITHSCORES');
  return score === undefined ? null : Number(score) / 0x1000 - (await redisTimeMs(redis));
}

/** The only job of a queue was added in the last minute. */
async function expectAddedNow({ redis }: System, queue: Queue): Promise<void> {
  const [job] = await queue.getJobs();
  const agoMs = (await redisTimeMs(redis)) - (job?.timestamp ?? 0);
  expect(agoMs).toBeGreaterThan(-SLACK_MS);
  expect(agoMs).toBeLessThan(60_000);
}

const polls = (system: System) => system.atlas.requestLog('extracts');

it.each([
  ['ahead', AHEAD],
  ['behind', BEHIND],
])(
  'a job that a worker whose clock is %s puts to sleep is due by the clock of Redis',
  async (_, aheadMs) => {
    const receiver = await startReceiver(() => ({ status: 500 }));
    const system = await startPolling({
      COMPLETION_WEBHOOK_URL: receiver.url,
      COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
    });
    const { redis, prefix } = system;
    system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 503, times: 1 }] });
    await startWorker(system, aheadMs);
    await system.submit('sleeper', 1);
    const webhooks = new Queue('atlas-webhooks', { connection: redis, prefix });
    const sleeps = async (what: string, queue: Queue, longestMs: number) => {
      const ms = await waitUntil(what, () => dueInMs(redis, queue));
      expect(ms).toBeGreaterThan(-SLACK_MS);
      expect(ms).toBeLessThan(longestMs);
    };
    await sleeps('a batch that sleeps over an error', system.batches, 60_000);
    await sleeps('a poll job that was added', system.pollJobs, POLL_MAX_MS);
    await waitUntil('a poll', () => polls(system).length > 0);
    await sleeps('a poll job that polled', system.pollJobs, POLL_MAX_MS);
    system.atlas.completeNow();
    await sleeps('a webhook between two attempts', webhooks, 60_000);
    for (const queue of [system.completions, webhooks]) await expectAddedNow(system, queue);
  },
);

it('an event that is sent again from a host whose clock is behind waits from now on, by the clock of Redis', async () => {
  const system = await startSystem();
  await system.startWorker();
  await system.submit('again', 1);
  await system.event('done-again');
  const environment = { ...system.environment, NODE_OPTIONS: nodeOptions(BEHIND) };
  expect((await runCli(['redeliver', 'again'], environment)).code).toBe(0);
  const { redis, prefix } = system;
  await expectAddedNow(system, new Queue('atlas-webhooks', { connection: redis, prefix }));
});

it.each([
  ['ahead has died', AHEAD, RIGHT],
  ['right has died and one whose clock is behind goes on', RIGHT, BEHIND],
])('polls come in time when a worker whose clock is %s', async (_, first, second) => {
  const system = await startPolling();
  const dies = await startWorker(system, first);
  await system.submit('left', 1);
  await waitUntil('a poll', () => polls(system).length > 0);
  await waitUntil('its sleep', async () => (await system.pollJobs.getDelayedCount()) === 1);
  await dies.kill();
  await startWorker(system, second);
  system.atlas.completeNow();
  expect((await system.event('done-left', 30_000)).name).toBe('batch.completed');
});

it.each([
  ['a worker whose clock is ahead', [AHEAD]],
  ['a worker whose clock is behind', [BEHIND]],
  ['two workers, of which the clock of one is ahead', [AHEAD, RIGHT]],
  ['two workers, of which the clock of one is behind', [BEHIND, RIGHT]],
])('polls of %s come neither early nor late', async (_, clocks) => {
  const system = await startPolling();
  await Promise.all(clocks.map((aheadMs) => startWorker(system, aheadMs)));
  await system.submit('steady', 1);
  await waitUntil('some polls', () => polls(system).length > 6);
  const times = polls(system).map(({ at }) => at);
  const distances = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  expect(Math.min(...distances)).toBeGreaterThan(POLL_MIN_MS * 0.8);
  expect(Math.max(...distances)).toBeLessThan(POLL_MAX_MS + SLACK_MS);
});

it('an event whose handler failed on a host whose clock is ahead comes again in time, also where it is behind', async () => {
  const { url, prefix } = testRedis();
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  onTestFinished(() => redis.disconnect());
  const completions = new Queue('atlas-completions', { connection: redis, prefix });
  const handle = (aheadMs: number) => {
    const child = spawn(process.execPath, [HANDLER, url, prefix, 'fails-first'], {
      env: { ...process.env, NODE_OPTIONS: nodeOptions(aheadMs) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines: string[] = [];
    createInterface(child.stdout).on('line', (line) => lines.push(line));
    return { child, lines };
  };
  const DELAY_MS = 4000;
  const first = handle(AHEAD);
  await completions.add(
    'batch.completed',
    { reference: 'late' },
    { jobId: 'done-late', attempts: 2, backoff: { type: 'fixed', delay: DELAY_MS } },
  );
  const ms = await waitUntil('the back-off', () => dueInMs(redis, completions));
  expect(ms).toBeGreaterThan(-SLACK_MS);
  expect(ms).toBeLessThanOrEqual(DELAY_MS);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const second = handle(BEHIND);
  await waitUntil('the event', () => second.lines.includes('done-late'), 30_000);
});
