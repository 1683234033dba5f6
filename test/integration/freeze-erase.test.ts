import { expect, it } from 'vitest';
import { clientOf } from '../client/test-client.js';
import { dumpRedis } from '../helpers/dump-redis.js';
import { allJobsEnded, atEveryWrite } from '../helpers/fault-points.js';
import { LONG } from '../helpers/long-form.js';
import type { System } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** `npm run test:chaos` freezes at every third write, `npm test` at a few. */
const STEP = LONG ? 3 : 20;
const TEST_TIMEOUT_MS = LONG ? 900_000 : 180_000;
const REFERENCE = 'gone-loan';

it('an erase leaves nothing, whatever the worker was about to write that was frozen and comes back', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const points = await atEveryWrite({ atlas: { completionMs: 0 } }, 2, STEP, async (system, at) => {
    await system.submit(REFERENCE, 2, 'gone-');
    const stale = system.spawnFaultyWorker(at, 'before', 'SIGSTOP');
    await waitUntil(
      'a frozen worker or an ended batch',
      async () =>
        stale.output().includes('fault at write') || system.completions.getJob(`done-${REFERENCE}`),
    );
    const other = await system.startWorker();
    const { data } = await system.event(`done-${REFERENCE}`);
    await waitUntil('the end of the batch', async () => {
      return (await system.batches.getJob(`batch-${REFERENCE}`))?.finishedOn !== undefined;
    });
    await other.stop();
    const texts = [REFERENCE, ...data.batchIds];
    expect(await placesOf(system, texts)).toContain(`${REFERENCE} in s3`);
    expect(await clientOf(system).erase(REFERENCE)).toMatchObject({ status: 'erased' });
    expect(await placesOf(system, texts)).toEqual([]);

    // It thaws, and is alone: whatever it was about is over when it has carried another batch.
    await system.submit('after', 1, 'after-');
    await waitUntil('the event of the next batch', () => {
      stale.signal('SIGCONT');
      return system.completions.getJob('done-after');
    });
    await allJobsEnded(system, 1);
    stale.signal('SIGTERM');
    await waitUntil('its orderly end', () => {
      stale.signal('SIGCONT');
      return stale.hasExited;
    });
    expect(await placesOf(system, texts)).toEqual([]);
  });
  expect(points).toBeGreaterThan(40 / STEP);
});

/** Where Redis and S3 have one of these texts. */
async function placesOf(
  { redis, prefix, s3, environment }: System,
  texts: readonly string[],
): Promise<string[]> {
  const keys = s3.versions(environment.RESULTS_BUCKET ?? '').map(({ key }) => key);
  const places = { redis: await dumpRedis(redis, prefix), s3: keys.join('\n') };
  return Object.entries(places).flatMap(([place, all]) =>
    texts.filter((text) => all.includes(text)).map((text) => `${text} in ${place}`),
  );
}
