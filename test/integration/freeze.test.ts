import { expect, it } from 'vitest';
import { expectAllEndedOnce, expectStoredAsAtlasHasIt, stateOf } from '../helpers/invariants.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Writes from the start of a worker to the end of a batch, at about every stage of it. */
const LONG = Number(process.env.CHAOS_SEEDS ?? 1) > 1;
const STAGES = LONG ? Array.from({ length: 40 }, (_, i) => 20 + i * 3) : [30, 40, 50, 60, 70, 80];

it.concurrent.each(STAGES)(
  'survives a worker that freezes at write %i and comes back as a second one',
  { timeout: 120_000 },
  async (at) => {
    const system = await startSystem({ atlas: { completionMs: 300 } });
    const request = await system.submit('frozen', 3);
    const stale = await system.startFaultyWorker(at, 'before', 'SIGSTOP');
    await waitUntil('a frozen worker or an ended batch', async () => {
      return stale.output().includes('fault at write') || system.completions.getJob('done-frozen');
    });
    await system.startWorkerProcess();
    await system.event('done-frozen');
    stale.signal('SIGCONT');
    const after = await system.submit('after', 1);
    await system.event('done-after');
    stale.signal('SIGTERM');
    expect(await stale.exited).toBe(0);

    await expectAllEndedOnce(system, [request, after]);
    await expectStoredAsAtlasHasIt(system, [request, after]);
    const { uploads } = await stateOf(system, 'frozen');
    const orphans = stale.output().split('nobody will look at it').length - 1;
    const taken = [...system.atlas.batches()].filter(({ documentIds }) => documentIds.length === 3);
    const allowed = uploads.reduce((sum, { resubmissions }) => sum + 1 + resubmissions, orphans);
    expect(taken.length).toBeLessThanOrEqual(allowed);
  },
);
