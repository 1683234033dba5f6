import { expect, it } from 'vitest';
import { gateKeys } from '../../src/jobs/keys/gate-keys.js';
import { allJobsEnded, atEveryWrite } from '../helpers/fault-points.js';
import {
  expectAllEndedOnce,
  expectFewSubmissions,
  expectStoredAsAtlasHasIt,
} from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { waitUntil } from '../helpers/wait-until.js';

/** `npm run test:chaos` takes every write, `npm test` every twenty-fourth. */
const STEP = LONG ? 1 : 24;
const TEST_TIMEOUT_MS = STEP === 1 ? 900_000 : 180_000;
const DOCUMENTS = 3;
/** Two uploads, and documents that take more than one poll. */
const SYSTEM = {
  atlas: { completionMs: 150 },
  environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '2' },
};
/** The same at the gate, with room for all that is sent, and for all of it again while nobody knows of the first. */
const IN_LINE = {
  ...SYSTEM,
  environment: { ...SYSTEM.environment, ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '6' },
};

it.each([
  ['before', 'without a limit', SYSTEM],
  ['after', 'without a limit', SYSTEM],
  ['after', 'with a limit', IN_LINE],
] as const)(
  'a batch recovers from kill -9 %s every write of a worker, %s',
  { timeout: TEST_TIMEOUT_MS },
  async (when, _, options) => {
    const points = await atEveryWrite(options, DOCUMENTS, STEP, async (system, at) => {
      const request = await system.submit('killed', DOCUMENTS);
      const worker = system.spawnFaultyWorker(at, when, 'SIGKILL');
      await waitUntil(
        'a dead worker or an ended batch',
        async () => worker.hasExited || system.completions.getJob('done-killed'),
      );
      await worker.kill();
      await system.startWorker();
      expect(await system.event('done-killed')).toMatchObject({ name: 'batch.completed' });
      await allJobsEnded(system, 1);
      await expectAllEndedOnce(system, [request]);
      await expectFewSubmissions(system, [request]);
      await expectStoredAsAtlasHasIt(system, [request]);
      await waitUntil('an empty gate', async () => {
        const own = gateKeys(system.prefix).filter((key) =>
          key.startsWith(`${system.prefix}:gate-`),
        );
        return (await system.redis.exists(own)) === 0;
      });
    });
    expect(points).toBeGreaterThan(40 / STEP);
  },
);
