import { expect, it } from 'vitest';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import {
  expectAllEndedOnce,
  expectFewSubmissions,
  expectStoredAsAtlasHasIt,
} from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { type System, startSystem, startTestS3 } from '../helpers/system.js';
import { startTcpValve } from '../helpers/tcp-valve.js';
import { waitUntil } from '../helpers/wait-until.js';
import type { WorkerProcess } from '../helpers/worker-process.js';

const OUTAGE_MS = LONG ? 30_000 : 6000;
const IN_FLIGHT = LONG ? 300 : 100;
const LATE = 20;
const WORKERS = 2;
/** Of what was on its way when the circuits opened: a busy machine answers it late, and some is tried again. */
const LAST_TRIES_MS = 3000;
const RECOVERY_TIMEOUT_MS = 3 * OUTAGE_MS + 60_000;

it('workers ask a dead Atlas less than once a second and process, and end all batches when it is back', {
  timeout: 2 * (OUTAGE_MS + RECOVERY_TIMEOUT_MS) + 60_000,
}, async () => {
  let completionMs = 3_600_000;
  const system = await startSystem({
    atlas: { completionMs: () => completionMs, extractsPerDocument: () => 1, fetchUrls: false },
    environment: { POLL_MIN_MS: '1000', POLL_MAX_MS: '4000' },
  });
  const { atlas, batches, pollJobs } = system;
  const valve = await startTcpValve(atlas.port);
  const workers = await Promise.all(
    Array.from({ length: WORKERS }, () => system.startWorkerProcess({ ATLAS_BASE_URL: valve.url })),
  );
  const requests = await submit(system, 'flying', IN_FLIGHT);
  await waitUntil(
    'all batches in flight',
    async () => {
      const { 'waiting-children': count } = await batches.getJobCounts('waiting-children');
      return count === IN_FLIGHT;
    },
    60_000,
  );

  // It answers 503 to everything.
  await circuits(workers, 'open', () => atlas.setFaults({ rules: [{ fault: 503 }] }));
  await pass(LAST_TRIES_MS);
  const answered = atlas.requests.count();
  requests.push(...(await submit(system, 'late', LATE)));
  const seconds = await pass(OUTAGE_MS);
  expect(atlas.requests.count() - answered).toBeLessThan(WORKERS * seconds);
  completionMs = 0;
  await circuits(workers, 'closed', () => atlas.clearFaults());
  await batchesEnded(system, LATE, RECOVERY_TIMEOUT_MS);

  // Then nobody listens any more; then somebody does who hangs up.
  await circuits(workers, 'open', () => valve.refuse());
  await valve.slam();
  const slammed = await pass(OUTAGE_MS);
  expect(valve.connections()).toBeLessThan(WORKERS * slammed);
  const polling = await pollJobs.getJobs();
  expect(polling).toHaveLength(IN_FLIGHT);
  expect(polling.filter(({ attemptsMade }) => attemptsMade !== 0)).toEqual([]);
  atlas.completeNow();
  await valve.admit();
  await batchesEnded(system, IN_FLIGHT + LATE, RECOVERY_TIMEOUT_MS);

  await expectAllEndedOnce(system, requests);
  await expectStoredAsAtlasHasIt(system, requests);
  await expectFewSubmissions(system, requests);
  expect(atlas.uploads()).toHaveLength(IN_FLIGHT + LATE);
  const ended = await batches.getJobs(['completed']);
  expect(ended).toHaveLength(IN_FLIGHT + LATE);
  expect(ended.filter(({ attemptsMade }) => attemptsMade !== 1)).toEqual([]);
});

it('an Atlas that gives tokens and takes no upload is asked once for each token, and gets all batches when it does', async () => {
  const system = await startSystem();
  const { requests: asked } = system.atlas;
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 503 }] });
  const worker = await system.startWorker();
  const isOpen = async () => {
    const metric = await worker.metrics.registry
      .getSingleMetric('atlas_batch_breaker_state')
      ?.get();
    return metric?.values[0]?.value !== 0;
  };
  const requests = await submit(system, 'refused', 100);
  await waitUntil('the circuit to open', isOpen);
  // What was on its way then has ended with the first probe.
  const tokens = asked.count('authtoken');
  await waitUntil('a probe', () => asked.count('authtoken') > tokens);
  const [tokensBefore, uploadsBefore] = [asked.count('authtoken'), asked.count('multiupload')];
  await waitUntil('more probes', () => asked.count('authtoken') >= tokensBefore + 4);
  expect(asked.count('multiupload') - uploadsBefore).toBeLessThanOrEqual(4);
  system.atlas.clearFaults();
  await batchesEnded(system, requests.length, 60_000);
  await expectAllEndedOnce(system, requests);
  await expectStoredAsAtlasHasIt(system, requests);
});

/** What every poll meets, and the code at the deadline. */
const FAULTS = [
  [503, 'ATLAS_UNAVAILABLE'],
  ['reset-before', 'ATLAS_UNAVAILABLE'],
  [401, 'ATLAS_AUTH'],
  ['html-200', 'ATLAS_UNAVAILABLE'],
  ['truncated-json', 'ATLAS_PROTOCOL'],
] as const;

it('a batch ends at the deadline with the reason of the last error, and nothing is sent again', async () => {
  const s3 = await startTestS3();
  const tryOne = async ([fault, code]: (typeof FAULTS)[number]) => {
    const system = await startSystem({ s3, environment: { BATCH_DEADLINE_MS: '4000' } });
    system.atlas.setFaults({ rules: [{ endpoint: 'extracts', fault }] });
    await system.startWorker();
    const requests = await submit(system, 'blind', 6);
    await batchesEnded(system, 6, RECOVERY_TIMEOUT_MS);
    for (const { reference } of requests) {
      const { data } = await system.event(`done-${reference}`);
      expect(data.reason?.code, `${fault}: ${data.reason?.message}`).toBe(code);
    }
    // Nobody knew that anything was missing.
    expect(system.atlas.uploads()).toHaveLength(6);
    await expectAllEndedOnce(system, requests);
  };
  await Promise.all(FAULTS.map(tryOne));
});

async function submit(system: System, name: string, count: number): Promise<BatchRequest[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => system.submit(`${name}-${i}`, 1, `${name}-${i}-`)),
  );
}

/** Does something that each worker's circuit to Atlas has to answer with this state. */
async function circuits(
  workers: WorkerProcess[],
  state: 'open' | 'closed',
  deed: () => Promise<void> | void,
): Promise<void> {
  const before = workers.map((worker) => worker.output().length);
  await deed();
  const said = `circuit to Atlas is ${state}`;
  const allSaid = () =>
    workers.every((worker, i) => worker.output().slice(before[i]).includes(`"${said}"`));
  await waitUntil(said, allSaid, RECOVERY_TIMEOUT_MS);
}

/** Lets time pass, because a rate is what is measured; returns the seconds that it took. */
async function pass(ms: number): Promise<number> {
  const from = performance.now();
  await waitUntil('the time', () => performance.now() - from >= ms, 2 * ms);
  return (performance.now() - from) / 1000;
}
