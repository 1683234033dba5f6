/**
 * Measures what the HTTP API costs its server: thousands who wait for batches and hundreds who follow events,
 * with Redis killed and started again in between; adding in bulk beside `enqueueMany`; and streaming the
 * results of a large batch.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { randomPort } from '../../../scripts/free-port.js';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { createAtlasBatchClient } from '../../../src/client/client.js';
import { createToken } from '../../../src/config/api-tokens.js';
import { batchJobId } from '../../../src/jobs/ids.js';
import { outcomesKey } from '../../../src/jobs/keys/redis-keys.js';
import { fieldsOfOutcome } from '../../../src/jobs/outcome-entry.js';
import { BATCHES_QUEUE } from '../../../src/jobs/queues.js';
import { peakMib, residentMib } from '../process-usage.js';
import { setStage } from '../stage.js';
import { until } from '../until.js';
import { DOCUMENTS_BUCKET, documentKey, MAX_DOCUMENTS, PRODUCT_TYPE, request } from '../work.js';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));
const PREFIX = '{bench}';
const WAITING = 2000;
const FOLLOWING = 500;
/** Each is waited for by twenty. */
const WAITED_FOR = 100;
const IN_BULK = 10_000;
/** Batches of each before they are timed. */
const WARM_UP = 500;
const DOCUMENTS = 10_000;

export interface HttpApiCosts {
  /** The most that the server had while all waited, and all got what they waited for. */
  openMib: number;
  bulkMs: number;
  enqueueManyMs: number;
  /** Before results were streamed, and the most while they were. */
  resultsMib: [before: number, most: number];
}

const { token, line } = createToken('bench', 'operate', null);
const headers = { authorization: `Bearer ${token}` };

export async function measureHttpApi(): Promise<HttpApiCosts> {
  return { ...(await measureOpen()), ...(await measureBulk()), ...(await measureResults()) };
}

interface Server {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

async function startServer(redisUrl: string): Promise<Server> {
  const port = randomPort();
  const child: ChildProcess = spawn(process.execPath, [CLI, 'server'], {
    env: {
      ...{ PATH: process.env.PATH, REDIS_URL: redisUrl, QUEUE_PREFIX: PREFIX },
      ...{ PORT: String(port), API_TOKENS: line, LOG_LEVEL: 'warn' },
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  await isReady(url);
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

function isReady(url: string): Promise<void> {
  return until(() =>
    fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}

async function measureOpen(): Promise<Pick<HttpApiCosts, 'openMib'>> {
  const redisServer = await startPrivateRedis({ appendOnly: true, appendfsync: 'always' });
  const redis = new Redis(redisServer.url, { maxRetriesPerRequest: null });
  redis.on('error', () => {});
  const client = createAtlasBatchClient({ redisUrl: redisServer.url, prefix: PREFIX });
  const server = await startServer(redisServer.url);
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  try {
    const references = Array.from({ length: WAITED_FOR }, (_, i) => `w${i}`);
    await client.enqueueMany(references.map((reference) => request(reference)));
    const get = (path: string) => openGet(`${server.url}/api/v1/${path}`, agent);
    const events = await Promise.all(
      Array.from({ length: FOLLOWING }, () => get('events?progress=false')),
    );
    const heard = events.map(countOutcomes);
    let sent = 0;
    const waiting = Array.from({ length: WAITING }, async (_, i) => {
      const url = `${server.url}/api/v1/batches/${references[i % WAITED_FOR]}?wait=300`;
      const response = await openGet(url, agent, () => {
        sent += 1;
      });
      return JSON.parse(await textOf(response));
    });
    await until(async () => sent === WAITING);
    // Redis has answered all who wait when it answers one who comes after them.
    await textOf(await get(`batches/${references[0]}`));
    await redisServer.kill();
    await redisServer.restart();
    await redis.ping();
    for (const reference of references) {
      const job = `${PREFIX}:${BATCHES_QUEUE}:${batchJobId(reference)}`;
      await redis.hset(job, 'finishedOn', Date.now());
      const fields = fieldsOfOutcome({
        ...{ eventId: `done-${reference}@x`, eventJobId: `done-${reference}`, reference },
        ...{ tenant: null, status: 'completed', code: null },
      });
      await redis.xadd(outcomesKey(PREFIX), '*', ...fields);
    }
    const ended = await Promise.all(waiting);
    if (ended.some(({ state }) => state !== 'failed')) throw new Error('one has not ended');
    await until(async () => heard.every((count) => count() === WAITED_FOR));
    return { openMib: peakMib(server.pid) };
  } finally {
    agent.destroy();
    await Promise.all([client.close(), server.stop()]);
    redis.disconnect();
    await redisServer.stop();
  }
}

/** @param onSent Called when the request has left. */
function openGet(url: string, agent: Agent, onSent = () => {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent, headers });
    request.on('response', resolve).on('error', reject).on('finish', onSent).end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

function countOutcomes(response: IncomingMessage): () => number {
  let text = '';
  response.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  response.on('error', () => {});
  return () => text.match(/^event: batch\.completed$/gm)?.length ?? 0;
}

async function measureBulk(): Promise<Pick<HttpApiCosts, 'bulkMs' | 'enqueueManyMs'>> {
  const redisServer = await startPrivateRedis();
  const client = createAtlasBatchClient({ redisUrl: redisServer.url, prefix: PREFIX });
  const server = await startServer(redisServer.url);
  const bulk = async (name: string, count: number) => {
    const lines = Array.from({ length: count }, (_, i) => JSON.stringify(request(`${name}${i}`)));
    const started = performance.now();
    const response = await fetch(`${server.url}/api/v1/batches:bulk`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-ndjson' },
      body: lines.join('\n'),
    });
    const added = (await response.text()).match(/"status":"added"/g)?.length;
    if (added !== count) throw new Error(`${added} of ${count} batches were added`);
    return performance.now() - started;
  };
  const enqueue = async (name: string, count: number) => {
    const batches = Array.from({ length: count }, (_, i) => request(`${name}${i}`));
    const started = performance.now();
    await client.enqueueMany(batches);
    return performance.now() - started;
  };
  try {
    await bulk('warm-bulk', WARM_UP);
    await enqueue('warm-many', WARM_UP);
    return { enqueueManyMs: await enqueue('many', IN_BULK), bulkMs: await bulk('bulk', IN_BULK) };
  } finally {
    await Promise.all([client.close(), server.stop()]);
    await redisServer.stop();
  }
}

async function measureResults(): Promise<Pick<HttpApiCosts, 'resultsMib'>> {
  const stage = await setStage();
  const port = randomPort();
  const url = `http://127.0.0.1:${port}`;
  try {
    const [pid = 0] = await stage.start('atlas-batch with its server', {
      PORT: String(port),
      API_TOKENS: line,
    });
    await isReady(url);
    const documents = Array.from({ length: DOCUMENTS }, (_, i) => ({
      documentId: `d${i}`,
      bucket: DOCUMENTS_BUCKET,
      key: documentKey(i % MAX_DOCUMENTS),
    }));
    const batch = `${url}/api/v1/batches/large`;
    const added = await fetch(batch, {
      method: 'PUT',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ productType: PRODUCT_TYPE, documents }),
    });
    if (added.status !== 201) throw new Error(`the batch was not added: ${added.status}`);
    await (await fetch(`${batch}?wait=300`, { headers })).text();
    await countLines(`${batch}/results`, () => {});
    const before = residentMib(pid);
    let most = before;
    const lines = await countLines(`${batch}/results`, () => {
      most = Math.max(most, residentMib(pid));
    });
    if (lines !== DOCUMENTS) throw new Error(`${lines} of ${DOCUMENTS} documents came`);
    return { resultsMib: [before, most] };
  } finally {
    await stage.stop();
  }
}

/** @param tell Called with each chunk. */
async function countLines(url: string, tell: () => void): Promise<number> {
  const response = await openGet(url, new Agent());
  let lines = 0;
  for await (const chunk of response.setEncoding('utf8')) {
    lines += String(chunk).split('\n').length - 1;
    tell();
  }
  return lines;
}
