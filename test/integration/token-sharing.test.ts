import { expect, it } from 'vitest';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce, expectStoredAsAtlasHasIt } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { startSystem } from '../helpers/system.js';

const BATCHES = LONG ? 300 : 100;
/** Several tokens expire while the batches are in flight. */
const TOKEN_TTL_MS = 1500;
const SHARE_OF_TOKEN_REQUESTS = 0.05;

it('processes share each token of an Atlas that honours only the newest', async () => {
  const system = await startSystem({
    atlas: {
      onlyNewestToken: true,
      tokenTtlMs: TOKEN_TTL_MS,
      completionMs: ({ random }) => 500 + 4000 * random(),
      fetchUrls: false,
    },
    environment: { POLL_MIN_MS: '100', POLL_MAX_MS: '500' },
  });
  await Promise.all([system.startWorkerProcess(), system.startWorker()]);
  const requests = await Promise.all(
    Array.from({ length: BATCHES }, (_, i) => system.submit(`shared-${i}`, 2, `shared-${i}-`)),
  );
  await allJobsEnded(system, BATCHES);

  const { requests: counted } = system.atlas;
  expect(counted.count('authtoken')).toBeGreaterThanOrEqual(3);
  expect(counted.count('authtoken')).toBeLessThan(SHARE_OF_TOKEN_REQUESTS * counted.count());
  expect(await system.batches.getJobCounts('completed')).toEqual({ completed: BATCHES });
  await expectAllEndedOnce(system, requests);
  await expectStoredAsAtlasHasIt(system, requests);
  expect(system.atlas.uploads()).toHaveLength(BATCHES);
});
