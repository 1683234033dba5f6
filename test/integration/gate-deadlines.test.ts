/** The deadline of a batch stands still while it waits for its turn, and what it waits for is checked when that comes. */
import { expect, it } from 'vitest';
import { clientOf } from '../client/test-client.js';
import { stateOf } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const HOUR_MS = 3_600_000;
const DEADLINE_MS = 3000;
const ENVIRONMENT = { BATCH_DEADLINE_MS: String(DEADLINE_MS), RESUBMIT_MISSING: '0' };

/** Resolves when the batch has waited for longer than it has time. */
async function outlivesDeadline(system: System, reference: string): Promise<void> {
  await waitUntil('more time than the batch has', async () => {
    const [seconds] = await system.redis.time();
    const { startedAt } = await stateOf(system, reference);
    return Number(seconds) * 1000 > startedAt + 2 * DEADLINE_MS;
  });
}

async function inLine({ redis, prefix }: System): Promise<void> {
  await waitUntil('a line', async () => (await redis.zcard(`${prefix}:gate-line`)) === 1);
}

it('a batch that waits for room for longer than its deadline is sent, and completes', async () => {
  let completionMs = HOUR_MS;
  const system = await startSystem({
    atlas: { completionMs: () => completionMs },
    environment: { ...ENVIRONMENT, ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '1' },
  });
  await system.startWorker();
  await system.submit('first', 1, 'first-');
  await waitUntil('a full Atlas', () => system.atlas.uploads().length === 1);
  await clientOf(system).extendDeadline('first', HOUR_MS);
  await system.submit('second', 1, 'second-');
  await inLine(system);
  await outlivesDeadline(system, 'second');
  completionMs = 0;
  system.atlas.completeNow();
  expect((await system.event('done-second')).data.status).toBe('completed');
});

it('a batch that waits for the quota of the next day for longer than its deadline is sent then, and completes', async () => {
  const system = await startSystem({
    environment: { ...ENVIRONMENT, ATLAS_MAX_DOCUMENTS_PER_DAY: '1' },
  });
  let now = Date.parse('2026-11-23T12:00:00Z');
  await system.startWorker({}, { quotaClock: { now: () => now } });
  await system.submit('first', 1, 'first-');
  await system.event('done-first');
  await system.submit('second', 1, 'second-');
  await inLine(system);
  await outlivesDeadline(system, 'second');
  expect(system.atlas.uploads()).toHaveLength(1);
  now += 86_400_000;
  expect((await system.event('done-second')).data.status).toBe('completed');
});

it('objects of a batch in line are checked when its turn comes, and its buckets at once', async () => {
  const system = await startSystem({
    atlas: { completionMs: HOUR_MS },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '1' },
  });
  await system.startWorker();
  await system.submit('first', 1, 'first-');
  await waitUntil('a full Atlas', () => system.atlas.uploads().length === 1);
  const document = { documentId: 'x', bucket: 'kyc-documents', key: 'nowhere.jpg' };
  const batch = { reference: 'absent', productType: 'LOAN_APP', documents: [document] };
  await system.add(batch);
  await inLine(system);
  const forbidden = [{ ...document, bucket: 'elsewhere' }];
  await system.add({ ...batch, reference: 'forbidden', documents: forbidden });
  expect((await system.event('done-forbidden')).data.reason?.code).toBe('BUCKET_NOT_ALLOWED');
  expect((await stateOf(system, 'absent')).uploads).toMatchObject([{ state: 'planned' }]);
  expect(await system.completions.getJob('done-absent')).toBeUndefined();
  system.atlas.completeNow();
  await system.event('done-first');
  expect((await system.event('done-absent')).data.reason?.code).toBe('OBJECT_NOT_FOUND');
});
