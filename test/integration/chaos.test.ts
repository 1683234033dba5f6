import { expect, it } from 'vitest';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import { randomFrom } from '../../src/simulator/random.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { CHAOS_REDIS, type ChaosRedis, type ChaosRedisKind } from '../helpers/chaos-redis.js';
import {
  expectAllEndedOnce,
  expectFewSubmissions,
  expectNoStrayKeys,
  expectStoredAsAtlasHasIt,
} from '../helpers/invariants.js';
import { LONG, SEEDS } from '../helpers/long-form.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import type { WorkerProcess } from '../helpers/worker-process.js';

const WORKERS = 3;

interface Chaos {
  kind: ChaosRedisKind;
  seed: number;
  batches: number;
  chaosMs: number;
  /** What happens to Redis. */
  disturbances: number;
}

const KINDS = Object.keys(CHAOS_REDIS) as [ChaosRedisKind, ChaosRedisKind];
const RUNS: Chaos[] = LONG
  ? Array.from({ length: SEEDS }, (_, i) => ({
      kind: KINDS[i % KINDS.length] ?? KINDS[0],
      seed: i + 1,
      batches: 300,
      chaosMs: 40_000,
      disturbances: 3,
    }))
  : [
      { kind: KINDS[0], seed: 1, batches: 20, chaosMs: 4000, disturbances: 1 },
      { kind: KINDS[1], seed: 2, batches: 15, chaosMs: 3000, disturbances: 1 },
    ];
const DEADLINE_MS = 240_000;
/** By then every batch has reached its deadline, also those that were entered last. */
const END_TIMEOUT_MS = DEADLINE_MS + 60_000;
/** A busy machine takes twice as long for the chaos, and some time for what is checked after it. */
const timeoutOf = ({ chaosMs }: Chaos) => 2 * chaosMs + END_TIMEOUT_MS + 60_000;

const ATLAS_FAULTS = [
  429,
  500,
  502,
  503,
  504,
  'hang',
  'hang-after',
  'reset-before',
  'reset-after',
  'slow',
  'html-200',
  'truncated-json',
  'no-batch-id',
  'empty-page',
  'wrong-page',
  'endless',
  'repeat-page',
  'foreign-ids',
  'has-next-false',
  'expire-tokens',
  'redirect',
  'cut-body',
  'idle-close',
  'text-totals',
  'total-too-high',
  'total-too-low',
  'one-page-more',
  'null-data',
  'status-only',
  'object-for-list',
  'padded-ids',
  'changed-ids',
  'padded-batch-id',
  'number-batch-id',
  'compressed',
  'charset',
] as const;
/** Not of the token endpoint: credentials that never gave a token end every batch at once. */
const REFUSED_TOKENS = ([401, 403] as const).flatMap((fault) =>
  (['multiupload', 'extracts'] as const).map((endpoint) => ({ fault, endpoint })),
);
const S3_FAULTS = [500, 503, 403, 'reset-before', 'reset-after', 'slow'] as const;

it.each(RUNS)(
  'chaos on $kind, seed $seed, leaves every batch ended exactly once, with what Atlas holds',
  { timeout: Math.max(...RUNS.map(timeoutOf)) },
  async (chaos) => {
    const { kind, seed } = chaos;
    const redis: ChaosRedis = await CHAOS_REDIS[kind]();
    const system = await startSystem({
      redis: redis.variables,
      atlas: { completionMs: (ctx) => 200 + 3000 * ctx.random(), seed },
      environment: {
        ...redis.ofWorkers,
        ATLAS_TIMEOUT_MS: '1500',
        ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '4',
        ATLAS_EXTRACTS_PER_PAGE: '3',
        POLL_MAX_MS: '1000',
        BATCH_DEADLINE_MS: String(DEADLINE_MS),
      },
    });
    const requests = await breakEverything(system, redis, chaos);

    system.atlas.clearFaults();
    system.s3.clearFaults();
    await Promise.all([system.startWorkerProcess(), system.startWorkerProcess()]);
    await batchesEnded(system, requests.length, END_TIMEOUT_MS);
    await expectAllEndedOnce(system, requests);
    await expectStoredAsAtlasHasIt(system, requests);
    await expectFewSubmissions(system, requests);
    await expectNoStrayKeys(system);
    const { completed = 0 } = await system.batches.getJobCounts('completed');
    expect(completed).toBeGreaterThan(requests.length / 2);
  },
);

/** Batches come in while workers are killed, Redis is disturbed and everything else misbehaves. */
async function breakEverything(
  system: System,
  redis: ChaosRedis,
  { seed, batches, chaosMs, disturbances }: Chaos,
): Promise<BatchRequest[]> {
  const random = randomFrom(seed);
  const rate = 0.3 / ATLAS_FAULTS.length;
  system.atlas.setFaults({
    rules: [...ATLAS_FAULTS.map((fault) => ({ fault })), ...REFUSED_TOKENS].map((rule) => ({
      ...rule,
      probability: rate,
      retryAfter: '1',
    })),
  });
  system.s3.setFaults({
    rules: S3_FAULTS.map((fault) => ({ fault, probability: 0.1 / S3_FAULTS.length })),
  });
  const workers: WorkerProcess[] = await Promise.all(
    Array.from({ length: WORKERS }, () => system.startWorkerProcess()),
  );
  const requests = await Promise.all(
    Array.from({ length: batches }, (_, i) =>
      system.request(`chaos-${i}`, 1 + Math.floor(random() * 9), `c${i}-`),
    ),
  );
  const deeds = [
    ...requests.map((request) => ({ at: random() * 0.8, do: () => system.add(request) })),
    ...Array.from({ length: disturbances }, (_, i) => ({
      at: (i + 0.5 + random() * 0.4) / (disturbances + 1),
      do: () => redis.disturb(system.prefix),
    })),
    ...Array.from({ length: Math.floor(chaosMs / 2000) }, () => ({
      at: random(),
      do: async () => {
        const victim = Math.floor(random() * workers.length);
        workers[victim]?.signal('SIGKILL');
        workers[victim] = await system.startWorkerProcess();
      },
    })),
  ].sort((a, b) => a.at - b.at);

  const started = performance.now();
  for (const deed of deeds) {
    await waitUntil(
      'its turn',
      () => performance.now() - started >= deed.at * chaosMs,
      chaosMs * 4,
    );
    await deed.do();
  }
  for (const worker of workers) worker.signal('SIGKILL');
  return requests;
}
