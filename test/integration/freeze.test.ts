import { expect, it } from 'vitest';
import { allJobsEnded, atEveryWrite } from '../helpers/fault-points.js';
import { expectAllEndedOnce, expectStoredAsAtlasHasIt, stateOf } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { waitUntil } from '../helpers/wait-until.js';

/** `npm run test:chaos` freezes at every second write, `npm test` at every twentieth. */
const STEP = LONG ? 2 : 20;
const TEST_TIMEOUT_MS = STEP === 2 ? 900_000 : 180_000;
const DOCUMENTS = 3;

it('batches survive a worker that freezes at any stage and comes back as a second one', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const points = await atEveryWrite(
    { atlas: { completionMs: 300 } },
    DOCUMENTS,
    STEP,
    async (system, at) => {
      const request = await system.submit('frozen', DOCUMENTS);
      const stale = system.spawnFaultyWorker(at, 'before', 'SIGSTOP');
      await waitUntil(
        'a frozen worker or an ended batch',
        async () =>
          stale.output().includes('fault at write') || system.completions.getJob('done-frozen'),
      );
      // Frozen for longer than its locks live: the other worker ends the batch meanwhile.
      const other = await system.startWorker();
      await system.event('done-frozen');
      await other.stop();

      // It thaws, is alone, and has to be a good worker again.
      // A late write may freeze it only now, so it is thawed until it is done.
      const after = await system.submit('after', 1, 'after-');
      await waitUntil('the event of the next batch', () => {
        stale.signal('SIGCONT');
        return system.completions.getJob('done-after');
      });
      await allJobsEnded(system, 2);
      stale.signal('SIGTERM');
      await waitUntil('its orderly end', () => {
        stale.signal('SIGCONT');
        return stale.hasExited;
      });

      await expectAllEndedOnce(system, [request, after]);
      await expectStoredAsAtlasHasIt(system, [request, after]);
      const { uploads } = await stateOf(system, 'frozen');
      const orphans = stale.output().split('nobody will poll it').length - 1;
      const taken = system.atlas
        .uploads()
        .filter(({ documentIds }) => documentIds.length === DOCUMENTS);
      const known = uploads.reduce((sum, { resubmissions }) => sum + 1 + resubmissions, 0);
      expect(taken.length).toBeLessThanOrEqual(known + orphans);
    },
  );
  expect(points).toBeGreaterThan(40 / STEP);
});
