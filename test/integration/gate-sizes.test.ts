/** Large batches under a small limit, alone and beside floods of small ones. */
import { expect, it } from 'vitest';
import { gateKeys } from '../../src/jobs/keys/gate-keys.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { gateEmpty } from '../helpers/gate-empty.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const TIMEOUT_MS = LONG ? 900_000 : 120_000;

/** Documents in flight at most; documents of the large batches; how many of one document come beside them. */
const CASES = LONG
  ? [
      { limit: 40, large: [100, 1000], flood: 500 },
      { limit: 100, large: [1000], flood: 0 },
      { limit: 100, large: [1000], flood: 500 },
    ]
  : [
      { limit: 8, large: [20, 60], flood: 30 },
      { limit: 10, large: [60], flood: 0 },
    ];

it.each(CASES)(
  'batches of $large documents under a limit of $limit end, beside $flood of one document',
  {
    timeout: 2 * TIMEOUT_MS,
  },
  async ({ limit, large, flood }) => {
    const system = await startSystem({
      atlas: { completionMs: 50, fetchUrls: false },
      environment: {
        ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(limit),
        BATCH_DEADLINE_MS: String(2 * TIMEOUT_MS),
      },
    });
    const requests = [];
    const submitSmall = async (from: number, to: number) => {
      for (let n = from; n < to; n += 1) requests.push(await system.submit(`s${n}`, 1, `s${n}-`));
    };
    // Half of the flood is there before the large ones, and half comes while they are in line.
    await submitSmall(0, flood / 2);
    for (const size of large) requests.push(await system.submit(`l${size}`, size, `l${size}-`));
    await Promise.all([system.startWorker(), system.startWorker()]);
    await submitSmall(flood / 2, flood);
    await batchesEnded(system, requests.length, TIMEOUT_MS);
    await expectAllEndedOnce(system, requests);
    expect(await system.batches.getFailedCount()).toBe(0);
    await gateEmpty(system);
  },
);

it('of a batch of many uploads only the first are in line, so that no command holds Redis, and all are sent', {
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  let completionMs = 3_600_000;
  const limit = 50;
  const system = await startSystem({
    atlas: { completionMs: () => completionMs, fetchUrls: false },
    environment: {
      ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(limit),
      ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1',
      BATCH_DEADLINE_MS: String(2 * TIMEOUT_MS),
    },
  });
  await system.startWorker();
  const request = await system.submit('many', 600, 'many-');
  await waitUntil('a full Atlas', () => system.atlas.uploads().length === limit);
  const [, , line = ''] = gateKeys(system.prefix);
  await waitUntil('its sleep', async () => (await system.batches.getDelayedCount()) === 1);
  expect(await system.redis.zcard(line)).toBe(500);
  completionMs = 0;
  system.atlas.completeNow();
  await batchesEnded(system, 1, TIMEOUT_MS);
  await expectAllEndedOnce(system, [request]);
  expect(await system.batches.getFailedCount()).toBe(0);
  await waitUntil('an empty gate', async () => (await system.redis.exists(line)) === 0);
});
