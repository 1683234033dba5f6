/**
 * Runs two workers against the Atlas stand-in, each with 300 batches whose completion times are
 * lognormal. One polls by the learning policy, the other with exponential back-off. Prints polls per
 * batch, mean lag, and the ratio of the polls.
 */
import '../../src/cli/quiet-aws-sdk.js';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { configOf } from '../../src/config/worker-options.js';
import type { BatchSummary } from '../../src/jobs/summary.js';
import { createLearningPolicy } from '../../src/polling/learning-policy.js';
import type { PollPolicy } from '../../src/polling/poll-policy.js';
import {
  type AtlasSimulator,
  startAtlasSimulator,
  startS3Simulator,
} from '../../src/simulator/index.js';
import { randomFrom } from '../../src/simulator/random.js';
import { runWorker } from '../../src/workers/worker.js';
import { createExponentialPolicy } from '../polling/exponential-policy.js';

const BATCHES = 300;
/** Batches come in over this time, so that the policy has something to learn from. */
const ARRIVALS_MS = 120_000;
const MEDIAN_MS = 12_000;
const SIGMA = 0.6;
const SEED = 7;
const CREDENTIALS = { accessKeyId: 'bench', secretAccessKey: 'bench-secret' };

interface Run {
  name: string;
  polls: number;
  lagSeconds: number;
}

/** Completion times of both runs, the same for both. */
function completionTimes(): number[] {
  const random = randomFrom(SEED);
  return Array.from({ length: BATCHES }, () => {
    const gauss = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return MEDIAN_MS * Math.exp(SIGMA * gauss);
  });
}

async function play(name: string, policy: PollPolicy, redisUrl: string): Promise<Run> {
  const times = completionTimes();
  const atlas = await startAtlasSimulator({
    fetchUrls: false,
    completionMs: ({ documentId }) => times[Number(documentId)] ?? 0,
  });
  const prefix = `{bench-${name}}`;
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const config = configOf({
    redisUrl,
    queuePrefix: prefix,
    atlasBaseUrl: atlas.url,
    atlasClientId: atlas.clientId,
    atlasClientSecret: atlas.clientSecret,
    resultsBucket: `results-${name}`,
    s3ForcePathStyle: true,
    logLevel: 'silent',
  });
  const worker = await runWorker(config, { policy });
  const batches = new Queue('atlas-batches', { connection: redis, prefix });
  const completions = new Queue<BatchSummary>('atlas-completions', { connection: redis, prefix });
  for (let i = 0; i < BATCHES; i += 1) {
    const documents = [{ documentId: String(i), bucket: 'scans', key: 'scan.jpg' }];
    const data = { reference: `b${i}`, productType: 'LOAN_APP', documents };
    const delay = Math.round((i / BATCHES) * ARRIVALS_MS);
    await batches.add('batch', data, { jobId: `batch-b${i}`, delay });
  }
  while ((await completions.count()) < BATCHES) {
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
  }
  const ended = await completions.getJobs('wait');
  const run = measure(
    name,
    ended.map(({ data }) => data),
    atlas,
    times,
  );
  await worker.stop();
  await atlas.stop();
  redis.disconnect();
  return run;
}

function measure(
  name: string,
  summaries: BatchSummary[],
  atlas: AtlasSimulator,
  times: number[],
): Run {
  const readyAt = new Map(
    atlas
      .uploads()
      .map(({ documentIds: [id = ''], at }) => [
        id,
        performance.timeOrigin + at + (times[Number(id)] ?? 0),
      ]),
  );
  if (summaries.some(({ status }) => status !== 'completed')) throw new Error('a batch failed');
  const lags = summaries.map(({ reference, completedAt }) => {
    const ready = readyAt.get(reference?.slice(1) ?? '');
    if (ready === undefined) throw new Error(`${reference} was never sent`);
    return Date.parse(completedAt) - ready;
  });
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { name, polls: mean(summaries.map(({ polls }) => polls)), lagSeconds: mean(lags) / 1000 };
}

const redis = await startPrivateRedis();
const s3 = await startS3Simulator(CREDENTIALS);
s3.put('scans', 'scan.jpg', 'a scan');
Object.assign(process.env, {
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL_S3: s3.url,
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
});
try {
  const [learning, exponential] = await Promise.all([
    play('learning', createLearningPolicy(), redis.url),
    play('exponential', createExponentialPolicy(), redis.url),
  ]);
  for (const { name, polls, lagSeconds } of [learning, exponential]) {
    process.stdout.write(
      `${name.padEnd(12)} ${polls.toFixed(2)} polls a batch, mean lag ${lagSeconds.toFixed(2)} s\n`,
    );
  }
  process.stdout.write(
    `polls, learning / exponential: ${(learning.polls / exponential.polls).toFixed(2)}\n`,
  );
} finally {
  await s3.stop();
  await redis.stop();
}
