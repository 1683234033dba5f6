import { expect, it } from 'vitest';
import type { BatchRequest } from '../../src/jobs/batch-request.js';
import {
  expectAllEndedOnce,
  expectFewSubmissions,
  expectStoredAsAtlasHasIt,
} from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** `npm run test:chaos` takes every write, `npm test` every seventh. */
const STEP = Number(process.env.CHAOS_SEEDS ?? 1) > 1 ? 1 : 7;
/** More writes than a worker makes from its start to the end of one batch. */
const MAX_WRITES = 400;
const TEST_TIMEOUT_MS = STEP === 1 ? 900_000 : 180_000;

/**
 * Kills a worker at its n-th write, for n = first, first + STEP, … until one lives to see its batch
 * end. Each has a batch of its own, of two uploads and a document that takes several looks.
 */
async function killAtEveryWrite(system: System, when: 'before' | 'after'): Promise<BatchRequest[]> {
  const requests: BatchRequest[] = [];
  for (let at = 1; at <= MAX_WRITES; at += STEP) {
    const reference = `${when}-${at}`;
    requests.push(await system.submit(reference, 3, `${reference}-`));
    const worker = await system.startFaultyWorker(at, when, 'SIGKILL');
    await waitUntil(
      'a dead worker or an ended batch',
      async () => worker.hasExited || system.completions.getJob(`done-${reference}`),
    );
    const survived = !worker.hasExited;
    await worker.kill();
    if (survived) return requests;
  }
  throw new Error(`a worker that makes ${MAX_WRITES} writes has not ended its batch`);
}

it.each(['before', 'after'] as const)(
  'recovers from kill -9 %s every write of a worker',
  { timeout: TEST_TIMEOUT_MS },
  async (when) => {
    const system = await startSystem({
      atlas: { completionMs: 150 },
      environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '2' },
    });
    const requests = await killAtEveryWrite(system, when);
    expect(requests.length).toBeGreaterThan(50 / STEP);
    await system.startWorkerProcess();
    for (const { reference } of requests) {
      expect(await system.event(`done-${reference}`)).toMatchObject({ name: 'batch.completed' });
    }
    await waitUntil('the end of every job', async () => {
      const { completed } = await system.batches.getJobCounts('completed');
      return completed === requests.length;
    });
    await expectAllEndedOnce(system, requests);
    await expectFewSubmissions(system, requests);
    await expectStoredAsAtlasHasIt(system, requests);
  },
);
