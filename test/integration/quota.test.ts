/** So many documents go to Atlas on one day, whoever sends them. */
import { expect, it, onTestFinished } from 'vitest';
import { LINE_REASONS } from '../../src/gate/line.js';
import { createAtlasBatchClient } from '../../src/index.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce, expectNoStrayKeys } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const DAY_MS = 86_400_000;
const [QUOTA, LARGEST, BATCHES] = LONG ? [1000, 100, 60] : [100, 10, 30];

it('no more documents than the quota go out before midnight, all but one upload of it do, and the others after', {
  timeout: 600_000,
}, async () => {
  const system = await startSystem({
    environment: {
      ATLAS_MAX_DOCUMENTS_PER_DAY: String(QUOTA),
      QUOTA_TIMEZONE: 'Asia/Kolkata',
      ATLAS_EXTRACTS_PER_PAGE: '100',
    },
  });
  const { atlas, redis, prefix, batches } = system;
  atlas.setFaults({
    rules: [{ fault: 429, endpoint: 'multiupload', probability: 0.2, retryAfter: '0' }],
  });
  let now = Date.parse('2026-11-23T12:00:00Z');
  const parts = { quotaClock: { now: () => now } };
  const requests = [];
  for (let n = 0; n < BATCHES; n += 1)
    requests.push(await system.submit(`b${n}`, 1 + ((n * 7) % LARGEST), `b${n}-`));
  await Promise.all([system.startWorker({}, parts), system.startWorker({}, parts)]);
  const ended = async () => (await batches.getCompletedCount()) + (await batches.getFailedCount());
  const sent = () => atlas.uploads().reduce((sum, { documentIds }) => sum + documentIds.length, 0);
  for (let before = 0; (await ended()) < BATCHES; before = sent()) {
    await waitUntil(
      'a day of which the quota is used up',
      async () => {
        if ((await ended()) === BATCHES) return true;
        const isFull = sent() - before > QUOTA - LARGEST;
        return isFull && (await redis.exists(`${prefix}:gate-in-flight`)) === 0;
      },
      120_000,
    );
    expect(sent() - before).toBeLessThanOrEqual(QUOTA);
    if ((await ended()) < BATCHES) expect(sent() - before).toBeGreaterThan(QUOTA - LARGEST);
    now += DAY_MS;
  }
  await allJobsEnded(system, BATCHES);
  await expectAllEndedOnce(system, requests);
  await expectNoStrayKeys(system);
});

it('a batch that is larger than the quota is sent over several days, an upload on each', async () => {
  const system = await startSystem({ environment: { ATLAS_MAX_DOCUMENTS_PER_DAY: '2' } });
  let now = Date.parse('2026-11-23T12:00:00Z');
  await system.startWorker({}, { quotaClock: { now: () => now } });
  await system.submit('large', 5);
  for (const uploads of [1, 2, 3]) {
    await waitUntil('an upload', () => system.atlas.uploads().length === uploads);
    now += DAY_MS;
  }
  expect((await system.event('done-large')).name).toBe('batch.completed');
  expect(system.atlas.uploads().map(({ documentIds }) => documentIds.length)).toEqual([2, 2, 1]);
});

it('a batch that waits for the next day says so, and until when', async () => {
  const system = await startSystem({ environment: { ATLAS_MAX_DOCUMENTS_PER_DAY: '1' } });
  const now = Date.parse('2026-11-23T12:00:00Z');
  await system.startWorker({}, { quotaClock: { now: () => now } });
  await system.submit('first', 1, 'first-');
  await system.event('done-first');
  await system.submit('second', 1, 'second-');
  const client = createAtlasBatchClient({
    redisUrl: system.environment.REDIS_URL ?? '',
    prefix: system.prefix,
  });
  onTestFinished(() => client.close());
  const line = await waitUntil('the quota', async () => {
    const status = await client.status('second');
    return status.line?.why === 'quota' && status.line;
  });
  expect(line).toMatchObject({ place: 1, uploads: 1, until: '2026-11-24T00:00:00.000Z' });
  const { logs } = await system.batches.getJobLogs('batch-second');
  expect(logs.at(-1)).toContain(`1 upload in line: ${LINE_REASONS.quota}`);
});
