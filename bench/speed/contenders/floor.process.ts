/**
 * The floor: the same jobs, children and progress updates in BullMQ, and the same HTTP requests,
 * with nothing around them. S3 URLs are pre-signed beforehand, no response is parsed, no write is
 * fenced, and no failure is handled.
 */
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { DelayedError, type Job, Queue, WaitingChildrenError } from 'bullmq';
import { Redis } from 'ioredis';
import { Agent } from 'undici';
import { loadConfig } from '../../../src/config/environment.js';
import { COMPLETED_EVENT, COMPLETIONS_QUEUE, POLLS_QUEUE } from '../../../src/jobs/queues.js';
import { DOCUMENTS_BUCKET, documentKey, MAX_DOCUMENTS, PRODUCT_TYPE } from '../work.js';
import { runWorkers } from './run-workers.js';

/** As often as atlas-batch saves the state of a batch: before its wait, and after. */
const SAVES_BEFORE = 2;
const SAVES_AFTER = 2;

const config = loadConfig();
const connection = new Redis(config.REDIS_URL, { maxRetriesPerRequest: null });
const options = { connection, prefix: config.QUEUE_PREFIX };
const docstream = `${config.ATLAS_BASE_URL}/v1/docstream`;
const polls = new Queue(POLLS_QUEUE, options);
const completions = new Queue(COMPLETIONS_QUEUE, options);
const agent = new Agent({ connections: config.SUBMIT_CONCURRENCY + config.POLL_CONCURRENCY });

const s3 = new S3Client({ forcePathStyle: true });
const scans = Array.from({ length: MAX_DOCUMENTS }, (_, i) => ({
  Bucket: DOCUMENTS_BUCKET,
  Key: documentKey(i),
}));
const heads = await Promise.all(scans.map((scan) => getSignedUrl(s3, new HeadObjectCommand(scan))));
const gets = await Promise.all(scans.map((scan) => getSignedUrl(s3, new GetObjectCommand(scan))));
const put = await getSignedUrl(
  s3,
  new PutObjectCommand({ Bucket: config.RESULTS_BUCKET, Key: 'result.json' }),
);
const upload = JSON.stringify({
  product_type: PRODUCT_TYPE,
  file_urls: gets.map((url, i) => ({ file_url: url, document_id: `00${i}` })),
});

async function send(
  url: string,
  method: 'GET' | 'HEAD' | 'POST' | 'PUT',
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Buffer> {
  const { origin, pathname, search } = new URL(url);
  const answer = await agent.request({
    origin,
    path: pathname + search,
    method,
    headers,
    body: body ?? null,
    reset: false,
  });
  return Buffer.from(await answer.body.arrayBuffer());
}

const authorized = await send(`${docstream}/authtoken`, 'POST', {
  'Client-Id': config.ATLAS_CLIENT_ID,
  'Client-Secret': config.ATLAS_CLIENT_SECRET,
});
const Token = String(JSON.parse(authorized.toString()).access_token);

async function save(job: Job, state: string, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) await job.updateProgress({ v: 1, state, i });
}

async function processBatch(job: Job, token = ''): Promise<unknown> {
  if (job.progress === 0) {
    await Promise.all(heads.map((url) => send(url, 'HEAD')));
    await save(job, 'sending', SAVES_BEFORE - 1);
    const answer = await send(
      `${docstream}/multiupload`,
      'POST',
      { Token, 'Content-Type': 'application/json' },
      upload,
    );
    await save(job, 'sent', 1);
    // Only the id of the response is needed.
    const batchId = /"batch_id"\s*:\s*"([^"]+)"/.exec(answer.toString())?.[1];
    await polls.add(
      'poll',
      { batchId },
      {
        jobId: `poll-${batchId}`,
        delay: config.POLL_MIN_MS,
        parent: { id: job.id ?? '', queue: job.queueQualifiedName },
      },
    );
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
  }
  await save(job, 'ended', SAVES_AFTER);
  const { reference } = job.data;
  await completions.add(COMPLETED_EVENT, job.data, { jobId: `done-${reference}` });
  return { reference, status: 'completed' };
}

async function processPoll(job: Job, token = ''): Promise<unknown> {
  const { batchId } = job.data;
  const page = await send(
    `${docstream}/extracts?batch_id=${batchId}&page=1&pageNo=1&per_page=50`,
    'GET',
    { Token },
  );
  // A page without documents; one with them has all.
  if (!page.includes('"document_id"')) {
    await save(job, 'negative', 1);
    await job.moveToDelayed(Date.now() + config.POLL_MIN_MS, token);
    throw new DelayedError();
  }
  await send(put, 'PUT', { 'content-type': 'application/json' }, page);
  await save(job, 'complete', 1);
  return { outcome: 'complete' };
}

runWorkers(
  options,
  { process: processBatch, concurrency: config.SUBMIT_CONCURRENCY },
  { process: processPoll, concurrency: config.POLL_CONCURRENCY },
);
