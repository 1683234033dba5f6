/**
 * The job in pg-boss, as its docs advise for speed: jobs are fetched by the hundreds, and what follows from them is
 * inserted at once. It has what the baseline has: no fencing, no saved states between the steps, no learning, one page.
 * PEER_S3 says how it asks S3: `sdk`, or `raw` as the floor does, with URLs that were signed beforehand.
 */
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import pLimit from 'p-limit';
import PgBoss from 'pg-boss';
import { Agent, request } from 'undici';
import { loadConfig } from '../../src/config/environment.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import { DOCUMENTS_BUCKET, documentKey, FIRST_POLL_MS, MAX_DOCUMENTS } from '../speed/work.js';
import { BATCHES, COMPLETIONS, FETCHED_AT_ONCE, POLLS, POSTGRES_URL, S3_BY } from './pg-boss.js';

/** Jobs of each queue that are worked on at once: more than a core can use. */
const AT_ONCE = 50;
/** The shortest that pg-boss takes: its jobs are found by asking. */
const POLLING_SECONDS = 0.5;

interface Poll {
  request: BatchRequest;
  batchId: string;
}

const config = loadConfig();
const docstream = `${config.ATLAS_BASE_URL}/v1/docstream`;
const dispatcher = new Agent({ connections: 2 * AT_ONCE });
const s3 = new S3Client({ forcePathStyle: true });
const signed = {
  heads: await signAll((scan) => new HeadObjectCommand(scan)),
  gets: await signAll((scan) => new GetObjectCommand(scan)),
  put: await getSignedUrl(
    s3,
    new PutObjectCommand({ Bucket: config.RESULTS_BUCKET, Key: 'result.json' }),
  ),
};
const isRaw = process.env[S3_BY] === 'raw';

function signAll(
  command: (scan: { Bucket: string; Key: string }) => HeadObjectCommand | GetObjectCommand,
): Promise<string[]> {
  const scans = Array.from({ length: MAX_DOCUMENTS }, (_, i) => ({
    Bucket: DOCUMENTS_BUCKET,
    Key: documentKey(i),
  }));
  return Promise.all(scans.map((scan) => getSignedUrl(s3, command(scan))));
}

async function ask<Answer>(
  url: string,
  options: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: string },
): Promise<Answer> {
  const { statusCode, body } = await request(url, { ...options, dispatcher });
  if (statusCode !== 200) throw new Error(`Atlas answered ${statusCode}`);
  return (await body.json()) as Answer;
}

const { access_token: Token } = await ask<{ access_token: string }>(`${docstream}/authtoken`, {
  method: 'POST',
  headers: { 'Client-Id': config.ATLAS_CLIENT_ID, 'Client-Secret': config.ATLAS_CLIENT_SECRET },
});

/** Checks the objects. @returns URLs of them */
async function checkAndSign({ documents }: BatchRequest): Promise<string[]> {
  if (isRaw) {
    await Promise.all(
      signed.heads.map(async (url) => {
        const { body } = await request(url, { method: 'HEAD', dispatcher });
        await body.dump();
      }),
    );
    return signed.gets;
  }
  return Promise.all(
    documents.map(async ({ bucket, key }) => {
      const scan = { Bucket: bucket, Key: key };
      await s3.send(new HeadObjectCommand(scan));
      return getSignedUrl(s3, new GetObjectCommand(scan), { expiresIn: 3600 });
    }),
  );
}

async function store({ request: { reference }, batchId }: Poll, page: unknown): Promise<void> {
  const body = JSON.stringify({ reference, batchId, page });
  if (isRaw) {
    const { body: answer } = await request(signed.put, { method: 'PUT', body, dispatcher });
    return answer.dump();
  }
  await s3.send(
    new PutObjectCommand({
      Bucket: config.RESULTS_BUCKET,
      Key: `${reference}/${batchId}.json`,
      Body: body,
      ContentType: 'application/json',
    }),
  );
}

async function submit(batch: BatchRequest): Promise<Poll> {
  const urls = await checkAndSign(batch);
  const { batch_id: batchId } = await ask<{ batch_id: string }>(`${docstream}/multiupload`, {
    method: 'POST',
    headers: { Token, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      product_type: batch.productType,
      file_urls: batch.documents.map(({ documentId }, i) => ({
        file_url: urls[i],
        document_id: documentId,
      })),
    }),
  });
  return { request: batch, batchId };
}

/** @returns whether the batch is complete, and stored */
async function poll(data: Poll): Promise<boolean> {
  const page = await ask<{ data: { document_id: string }[] | null }>(
    `${docstream}/extracts?batch_id=${data.batchId}&page=1&pageNo=1&per_page=50`,
    { method: 'GET', headers: { Token } },
  );
  const present = new Set(page.data?.map(({ document_id }) => document_id));
  if (data.request.documents.some(({ documentId }) => !present.has(documentId))) return false;
  await store(data, page);
  return true;
}

const boss = new PgBoss({ connectionString: process.env[POSTGRES_URL] ?? '', supervise: false });
boss.on('error', (error) => {
  throw error;
});
await boss.start();
const fetching = { batchSize: FETCHED_AT_ONCE, pollingIntervalSeconds: POLLING_SECONDS };
const limit = { batches: pLimit(AT_ONCE), polls: pLimit(AT_ONCE) };
const inAMoment = (data: Poll) => ({
  name: POLLS,
  data,
  startAfter: new Date(Date.now() + FIRST_POLL_MS),
});

await boss.work<BatchRequest>(BATCHES, fetching, async (jobs) => {
  const polls = await Promise.all(
    jobs.map(({ data }) => limit.batches(async () => inAMoment(await submit(data)))),
  );
  await boss.insert(polls);
});
await boss.work<Poll>(POLLS, fetching, async (jobs) => {
  const next = await Promise.all(
    jobs.map(({ data }) =>
      limit.polls(async () =>
        (await poll(data))
          ? { name: COMPLETIONS, data: { reference: data.request.reference } }
          : inAMoment(data),
      ),
    ),
  );
  await boss.insert(next);
});
process.on('SIGTERM', () => process.exit());
