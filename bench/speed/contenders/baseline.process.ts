/**
 * The baseline: the simplest program for the task. It uses the SDK for all of S3, `getSignedUrl` for
 * each document, global `fetch`, a new poll job for each poll and every page at every poll, and
 * parses each response and stores it as one object.
 */
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type Job, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { loadConfig } from '../../../src/config/environment.js';
import { COMPLETED_EVENT, COMPLETIONS_QUEUE, POLLS_QUEUE } from '../../../src/jobs/queues.js';
import type { BatchRequest } from '../../../src/jobs/request/request.js';
import { FIRST_POLL_MS } from '../work.js';
import { runWorkers } from './run-workers.js';

interface Poll {
  request: BatchRequest;
  batchId: string;
}

interface Page {
  data: { document_id: string }[];
  has_next: boolean;
}

const config = loadConfig();
const connection = new Redis(config.REDIS_URL, { maxRetriesPerRequest: null });
const options = { connection, prefix: config.QUEUE_PREFIX };
const polls = new Queue<Poll>(POLLS_QUEUE, options);
const completions = new Queue(COMPLETIONS_QUEUE, options);
const s3 = new S3Client({ forcePathStyle: true });
const docstream = `${config.ATLAS_BASE_URL}/v1/docstream`;

const { access_token: token } = await ask<{ access_token: string }>(`${docstream}/authtoken`, {
  method: 'POST',
  headers: { 'Client-Id': config.ATLAS_CLIENT_ID, 'Client-Secret': config.ATLAS_CLIENT_SECRET },
});

async function ask<Answer>(url: string, init: RequestInit): Promise<Answer> {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`Atlas answered ${answer.status}`);
  return (await answer.json()) as Answer;
}

async function processBatch({ data: request }: Job<BatchRequest>): Promise<void> {
  const files = await Promise.all(
    request.documents.map(async ({ documentId, bucket, key }) => {
      const scan = { Bucket: bucket, Key: key };
      await s3.send(new HeadObjectCommand(scan));
      return {
        file_url: await getSignedUrl(s3, new GetObjectCommand(scan), { expiresIn: 3600 }),
        document_id: documentId,
      };
    }),
  );
  const { batch_id: batchId } = await ask<{ batch_id: string }>(`${docstream}/multiupload`, {
    method: 'POST',
    headers: { Token: token, 'Content-Type': 'application/json' },
    body: JSON.stringify({ product_type: request.productType, file_urls: files }),
  });
  await polls.add('poll', { request, batchId }, { delay: FIRST_POLL_MS });
}

async function processPoll({ data }: Job<Poll>): Promise<void> {
  const { request, batchId } = data;
  const extracts: Page['data'] = [];
  for (let page = 1, more = true; more; page += 1) {
    const url = `${docstream}/extracts?batch_id=${batchId}&page=${page}&pageNo=${page}&per_page=50`;
    const answer = await ask<Page>(url, { headers: { Token: token } });
    extracts.push(...(answer.data ?? []));
    more = answer.has_next;
  }
  const present = new Set(extracts.map(({ document_id }) => document_id));
  if (request.documents.some(({ documentId }) => !present.has(documentId))) {
    await polls.add('poll', data, { delay: FIRST_POLL_MS });
    return;
  }
  await s3.send(
    new PutObjectCommand({
      Bucket: config.RESULTS_BUCKET,
      Key: `${request.reference}/${batchId}.json`,
      Body: JSON.stringify({ reference: request.reference, batchId, extracts }),
      ContentType: 'application/json',
    }),
  );
  await completions.add(COMPLETED_EVENT, { reference: request.reference, batchId });
}

runWorkers(
  options,
  { process: processBatch, concurrency: config.SUBMIT_CONCURRENCY },
  { process: processPoll, concurrency: config.POLL_CONCURRENCY },
);
