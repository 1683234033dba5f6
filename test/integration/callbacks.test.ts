import fc from 'fast-check';
import { Pool } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import { lateResultsSweepKey } from '../../src/jobs/keys/redis-keys.js';
import { type AtlasBatchServer, createAtlasBatchServer } from '../../src/server/server.js';
import { LONG } from '../helpers/long-form.js';
import { hosted, type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const CREDENTIALS = { clientId: 'atlas', clientSecret: 'callback-secret' };
const HOUR_MS = 3_600_000;
const POLLS_APART_MS = 600_000;
/** `npm run test:chaos` sends 100,000. */
const STORM = Number(process.env.STORM_CALLBACKS ?? 4000);
/** A busy machine sends some 200 a second, and a fifth more before the storm. */
const STORM_TIMEOUT_MS = 60_000 + STORM * 10;
const CALLED = LONG ? 200 : 50;

interface Service {
  system: System;
  server: AtlasBatchServer;
  url: string;
  metric(name: string): Promise<number>;
}

interface ServiceOptions {
  atlas?: NonNullable<Parameters<typeof startSystem>[0]>['atlas'];
  callback?: { dropRate?: number; delayMs?: number };
  environment?: Record<string, string>;
  /** The worker is a process of its own. */
  apart?: boolean;
}

/** Workers that poll every ten minutes, and a server that Atlas calls. */
async function startService({
  atlas,
  callback,
  environment,
  apart,
}: ServiceOptions = {}): Promise<Service> {
  const system = await startSystem({
    ...(atlas && { atlas }),
    environment: {
      CALLBACK_CLIENT_ID: CREDENTIALS.clientId,
      CALLBACK_CLIENT_SECRET: CREDENTIALS.clientSecret,
      POLL_MIN_MS: '1000',
      POLL_MAX_MS: String(POLLS_APART_MS),
      PORT: '0',
      LOG_LEVEL: 'silent',
      ...environment,
    },
  });
  const worker = apart ? undefined : await system.startWorker();
  if (apart) await system.startWorkerProcess({ LOG_LEVEL: 'info' });
  const server = await createAtlasBatchServer({
    environment: system.environment,
    ...(worker && { worker: hosted(worker) }),
  });
  onTestFinished(() => server.stop());
  const { url } = await server.listen();
  system.atlas.setCallback({
    authUrl: `${url}/callbacks/atlas/token`,
    callbackUrl: `${url}/callbacks/atlas`,
    ...CREDENTIALS,
    ...callback,
  });
  const metric = async (name: string) => {
    const { body } = await server.app.inject('/metrics');
    const line = body.split('\n').find((one) => one.startsWith(`atlas_batch_${name} `));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  return { system, server, url, metric };
}

async function tokenFrom(url: string): Promise<string> {
  const response = await fetch(`${url}/callbacks/atlas/token`, {
    method: 'POST',
    headers: { 'client-id': CREDENTIALS.clientId, 'client-secret': CREDENTIALS.clientSecret },
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

function ring(url: string, token: string, ...documentIds: string[]): Promise<Response> {
  return fetch(`${url}/callbacks/atlas`, {
    method: 'POST',
    headers: { token, 'content-type': 'application/json' },
    body: JSON.stringify({ data: documentIds.map((document_id) => ({ document_id })), page: 1 }),
  });
}

it('many batches complete at their callbacks, with polls ten minutes apart', async () => {
  const { system, metric } = await startService({ atlas: { completionMs: 3000 }, apart: true });
  const references = Array.from({ length: CALLED }, (_, i) => `called-${i}`);
  await Promise.all(references.map((reference) => system.submit(reference, 5)));
  for (const reference of references) {
    const { data } = await system.event(`done-${reference}`, 55_000);
    // One poll: nothing was found by chance.
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5 }, polls: 1 });
  }
  expect(await metric('callbacks_received_total')).toBe(CALLED);
});

it('callers get their own document ids, though Atlas got others', async () => {
  const { system } = await startService();
  await system.submit('scoped', 3);
  const { data } = await system.event('done-scoped');
  const [batch] = system.atlas.batches();
  expect(batch?.documentIds).toEqual(['scoped/001', 'scoped/002', 'scoped/003']);
  const stored = system.s3.get('results', data.results[0]?.split('/').slice(3).join('/') ?? '');
  const { documents } = JSON.parse(Buffer.from(stored?.body ?? '').toString('utf8'));
  expect(documents.map(({ documentId }: { documentId: string }) => documentId)).toEqual([
    '001',
    '002',
    '003',
  ]);
});

it('the safety net completes every batch when no callback comes', async () => {
  const { system, metric } = await startService({
    callback: { dropRate: 1 },
    environment: { POLL_MIN_MS: '50', POLL_MAX_MS: '1500' },
  });
  const references = Array.from({ length: 20 }, (_, i) => `silent-${i}`);
  await Promise.all(references.map((reference) => system.submit(reference, 4)));
  for (const reference of references) {
    const { data } = await system.event(`done-${reference}`);
    expect(data).toMatchObject({ status: 'completed', polls: 1 });
  }
  expect(await metric('callbacks_received_total')).toBe(0);
  expect(await metric('callbacks_rescued_total')).toBe(20);
});

it('a callback that comes before the upload has its response is taken', async () => {
  const { system, url } = await startService({ atlas: { completionMs: 0, fetchUrls: false } });
  const token = await tokenFrom(url);
  system.atlas.setCallback(undefined);
  system.atlas.setFaults({
    rules: [{ endpoint: 'multiupload', fault: 'slow', delayMs: 1500 }],
  });
  await system.submit('early', 2);
  await waitUntil('the upload', () => [...system.atlas.batches()].length === 1);
  expect((await ring(url, token, 'early/001')).status).toBe(202);
  expect((await system.event('done-early')).data.polls).toBe(1);
});

it('a callback polls the upload that it is about, and not the others of its batch', async () => {
  const { system, url } = await startService({
    atlas: { completionMs: HOUR_MS },
    environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '2' },
  });
  const token = await tokenFrom(url);
  await system.submit('parts', 6);
  const all = await waitUntil('three polls', async () => {
    const polls = await system.pollJobs.getJobs(['delayed']);
    return polls.length === 3 && polls;
  });
  const meant = all.find(({ data }) => data.documentIds.includes('003'));
  for (const documentId of ['parts/003', 'parts/004']) await ring(url, token, documentId);
  await waitUntil('a poll', async () => {
    const { progress } = (await system.pollJobs.getJob(meant?.id ?? '')) ?? {};
    return Object(progress).polls >= 1;
  });
  const polls = await system.pollJobs.getJobs(['delayed', 'active', 'waiting']);
  const polled = polls.filter(({ progress }) => Object(progress).polls > 0);
  expect(polled.map(({ id }) => id)).toEqual([meant?.id]);
});

it('callbacks for batches that have ended change nothing', async () => {
  const { system, url, metric } = await startService();
  await system.submit('over', 2);
  await system.event('done-over');
  await waitUntil('the end', async () => (await system.batches.getCompletedCount()) === 1);
  const requests = system.atlas.requests.count('extracts');
  const token = await tokenFrom(url);
  for (let i = 0; i < 5; i += 1) expect((await ring(url, token, 'over/001')).status).toBe(202);
  await waitUntil('five late callbacks', async () => {
    const ended = await metric('callback_references_total{result="ended"}');
    return ended + (await metric('callback_references_total{result="duplicate"}')) >= 5;
  });
  expect(system.atlas.requests.count('extracts')).toBe(requests);
});

it('a storm of forged and malformed callbacks does no harm, and the good ones between are served', {
  timeout: STORM_TIMEOUT_MS,
}, async () => {
  // No poll is due before the storm is over, however slow the machine is.
  const environment = { POLL_MIN_MS: String(HOUR_MS), POLL_MAX_MS: String(HOUR_MS) };
  const { system, url, metric } = await startService({
    atlas: { completionMs: HOUR_MS },
    environment,
  });
  await system.submit('bystander', 2);
  await waitUntil('its poll', async () => (await system.pollJobs.getDelayedCount()) === 1);
  const good = await tokenFrom(url);
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constant('{"data":[{"document_id":"bystander/001"}]}'),
  );
  const forged = fc.record({ token: fc.base64String({ minLength: 1, maxLength: 300 }), body });
  const malformed = fc.record({
    token: fc.constant(good),
    body: fc.oneof(fc.string(), fc.constant('{"data":{}}'), fc.constant('[1')),
  });
  const samples = fc.sample(fc.oneof({ weight: 9, arbitrary: forged }, malformed), {
    seed: 20_261_123,
    numRuns: 2000,
  });
  const pool = new Pool(url, { connections: 16, pipelining: 1 });
  onTestFinished(() => pool.destroy());
  const statuses = new Map<number, number>();
  const storm = async (count: number) => {
    let sent = 0;
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        while (sent < count) {
          const { token, body: text } = samples[sent % samples.length] ?? { token: '', body: '' };
          sent += 1;
          const response = await pool.request({
            method: 'POST',
            path: '/callbacks/atlas',
            headers: { token, 'content-type': 'application/json' },
            body: text,
          });
          await response.body.dump();
          statuses.set(response.statusCode, (statuses.get(response.statusCode) ?? 0) + 1);
        }
      }),
    );
  };
  await storm(STORM / 5);
  // But for what its worker does by the clock.
  const byClock = lateResultsSweepKey(system.prefix);
  const keys = async () =>
    (await system.redis.keys(`${system.prefix}*`)).filter((key) => key !== byClock).sort();
  const keysBefore = await keys();
  const [, served] = await Promise.all([
    storm(STORM),
    (async () => (await ring(url, good, 'nobody/001')).status)(),
  ]);
  expect(served).toBe(202);
  expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
  expect(await keys()).toEqual(keysBefore);
  expect(await metric('callback_references_total{result="woken"}')).toBe(0);
  const [poll] = await system.pollJobs.getJobs(['delayed']);
  expect(Object(poll?.progress).polls ?? 0).toBe(0);
});
