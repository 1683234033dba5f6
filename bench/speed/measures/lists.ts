/** Measures how long lists, filters and counts of 100,000 batches take, and the metrics of a server. */
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { type ClientQueues, openQueues } from '../../../src/batches/client-queues.js';
import { countBatches } from '../../../src/batches/lists/count-batches.js';
import { type ListOptions, listBatches } from '../../../src/batches/lists/list-batches.js';
import { REASON_CODES } from '../../../src/errors.js';
import { LISTED_STATES } from '../../../src/jobs/state/listed-facts.js';
import { borrowLink } from '../../../src/redis/client-link.js';
import { createAtlasBatchServer } from '../../../src/server/server.js';
import { type PlantedBatch, plant } from '../../../test/helpers/planted-batches.js';

const BATCHES = 100_000;
const TENANTS = 20;
const RUNS = 20;
const PREFIX = '{bench}';
/** One batch has it, among the oldest of those that failed. */
const RARE = 'RARE_PRODUCT';

/** What an operator opens: no filter, so that only what is shown is read. */
const LISTS: readonly ListOptions[] = [
  {},
  { state: 'failed' },
  { state: 'running' },
  { state: 'completed', sort: 'oldest' },
  { sort: 'deadline' },
];

/** What has to search all: one batch fits, or none. */
const FILTERS: readonly ListOptions[] = [
  { productType: RARE },
  { state: 'failed', code: 'ATLAS_AUTH', tenant: 'branch-7', productType: RARE },
  { tenant: 'nobody' },
];

/** What reads the reference and the documents of each: one batch fits, or none. */
const TEXTS: readonly ListOptions[] = [{ text: 'loan-77777/1.jpg' }, { text: 'nowhere' }];

export interface ListTimes {
  /** Each run of each of them. */
  listsMs: number[];
  filtersMs: number[];
  textsMs: number[];
  countsMs: number[];
  metricsMs: number[];
}

/** Every state has a seventh of the batches. Those that wait have been listed before. */
export async function measureLists(): Promise<ListTimes> {
  const server = await startPrivateRedis();
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  const queues = openQueues(borrowLink(redis), PREFIX);
  try {
    await plant(
      queues,
      Array.from({ length: BATCHES }, (_, i) => batchNumber(i)),
    );
    const { matching } = await countAll(queues);
    if (matching !== BATCHES) throw new Error(`${matching} batches were counted, not ${BATCHES}`);
    await expectRare(queues);
    return {
      listsMs: await timesOf(LISTS.map((one) => () => listBatches(queues, one))),
      filtersMs: await timesOf(FILTERS.map((one) => () => listBatches(queues, one))),
      textsMs: await timesOf(TEXTS.map((one) => () => searchAll(queues, one))),
      countsMs: await timesOf([
        () => countBatches(queues),
        () => countBatches(queues, { code: 'STORAGE' }),
      ]),
      metricsMs: await timesOfMetrics(server.url),
    };
  } finally {
    await queues.close();
    redis.disconnect();
    await server.stop();
  }
}

async function timesOfMetrics(redisUrl: string): Promise<number[]> {
  const environment = { REDIS_URL: redisUrl, QUEUE_PREFIX: PREFIX, LOG_LEVEL: 'silent' };
  const server = await createAtlasBatchServer({ environment });
  try {
    return await timesOf([
      async () => {
        const { statusCode } = await server.app.inject({ url: '/metrics' });
        if (statusCode !== 200) throw new Error(`/metrics responded with ${statusCode}`);
      },
    ]);
  } finally {
    await server.stop();
  }
}

/** To the end of all batches, page by page. */
async function searchAll(queues: ClientQueues, asked: ListOptions): Promise<void> {
  let cursor: string | undefined;
  do {
    const { next } = await listBatches(queues, { ...asked, cursor });
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}

async function expectRare(queues: ClientQueues): Promise<void> {
  let cursor: string | undefined;
  do {
    const { batches, next } = await listBatches(queues, { productType: RARE, cursor });
    if (batches.some(({ productType }) => productType === RARE)) return;
    cursor = next ?? undefined;
  } while (cursor !== undefined);
  throw new Error('the rare batch was not found');
}

/** Until what producers wrote has been read of all. */
async function countAll(queues: ClientQueues) {
  for (;;) {
    const counts = await countBatches(queues);
    if (counts.searched === counts.total) return counts;
  }
}

async function timesOf(works: readonly (() => Promise<unknown>)[]): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    for (const work of works) {
      const started = performance.now();
      await work();
      // The first one warms up.
      if (run > 0) times.push(performance.now() - started);
    }
  }
  return times;
}

function batchNumber(i: number): PlantedBatch {
  const isRare = i === 5;
  return {
    reference: `loan-${i}`,
    state: LISTED_STATES[i % LISTED_STATES.length] ?? 'queued',
    code: isRare ? 'ATLAS_AUTH' : (REASON_CODES[i % REASON_CODES.length] ?? 'STORAGE'),
    productType: isRare ? RARE : i % 3 === 0 ? 'LOAN_APP' : 'CREDIT_CARD',
    tenant: isRare ? 'branch-7' : `branch-${i % TENANTS}`,
    addedAt: 1_700_000_000_000 + i,
    endedAt: 1_700_003_600_000 + i,
  };
}
