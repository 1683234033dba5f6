/** A service with batches in every state, as operators find it. */
import { expect, onTestFinished } from 'vitest';
import { openQueues } from '../../src/batches/client-queues.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import { openLink } from '../../src/redis/client-link.js';
import { type AtlasBatchServer, createAtlasBatchServer } from '../../src/server/server.js';
import { runCommand } from '../cli/run-command.js';
import { type PlantedBatch, plant } from '../helpers/planted-batches.js';
import { connectionTo } from '../helpers/redis.js';
import { hosted, type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

export const OPERATOR = { username: 'operator', password: 'correct horse battery' };

/** Documents of these never come by themselves; some of the others of their batch do. */
const SLOW = /^(statement|slip)/;
const HOUR_MS = 3_600_000;

export interface Stage {
  system: System;
  server: AtlasBatchServer;
  url: string;
  /** Adds a batch whose documents have these ids. */
  submit(reference: string, productType: string, documentIds: string[]): Promise<void>;
  cancel(reference: string): Promise<void>;
}

/** @param environment More of it, or other values. */
export async function startStage(environment: Record<string, string> = {}): Promise<Stage> {
  const system = await startSystem({
    atlas: {
      completionMs: ({ documentId, random }) =>
        SLOW.test(documentId) ? HOUR_MS : 40 + 60 * random(),
    },
    environment: {
      POLL_MIN_MS: '1500',
      POLL_MAX_MS: '60000',
      DASHBOARD_USER: OPERATOR.username,
      DASHBOARD_PASSWORD: OPERATOR.password,
      PORT: '0',
      LOG_LEVEL: 'silent',
      ...environment,
    },
  });
  const worker = await system.startWorker();
  const server = await createAtlasBatchServer({
    environment: system.environment,
    worker: hosted(worker),
  });
  onTestFinished(() => server.stop());
  const { url } = await server.listen();
  return {
    system,
    server,
    url,
    async submit(reference, productType, documentIds) {
      const documents = documentIds.map((documentId) => ({
        documentId,
        bucket: 'kyc-documents',
        key: `${reference}/${documentId}.pdf`,
      }));
      for (const { bucket, key } of documents) await system.s3.put(bucket, key, `scan of ${key}`);
      const request: BatchRequest = { reference, productType, documents };
      await system.add(request);
    },
    async cancel(reference) {
      const { createAtlasBatchClient } = await import('../../src/client/client.js');
      const { REDIS_URL = '', QUEUE_PREFIX } = system.environment;
      const client = createAtlasBatchClient({ redisUrl: REDIS_URL, prefix: QUEUE_PREFIX });
      await client.cancel(reference, 'the applicant withdrew');
      await client.close();
    },
  };
}

/** One step of the command line. @returns what it prints. */
export async function run({ system }: Stage, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args, system.environment);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** Batches as workers leave them, that no worker has run. */
export async function plantOn({ system }: Stage, batches: readonly PlantedBatch[]): Promise<void> {
  const link = openLink(connectionTo(system.environment.REDIS_URL ?? ''));
  const queues = openQueues(link, system.prefix);
  onTestFinished(async () => {
    await queues.close();
    link.close();
  });
  await plant(queues, batches);
}

/** Fills the lists: completed, failed in several ways, in flight and half there. */
export async function populate({ system, submit, cancel }: Stage): Promise<void> {
  const kyc = ['pan', 'aadhaar-front', 'aadhaar-back', 'photo', 'cheque'];
  const done = Array.from({ length: 31 }, (_, i) => `loan-${8790 + i}`);
  await Promise.all(done.map((reference) => submit(reference, 'LOAN_APP', kyc)));
  for (const reference of done) await system.event(`done-${reference}`);

  await system.add({
    reference: 'loan-8823',
    productType: 'LOAN_APP',
    documents: [{ documentId: 'pan', bucket: 'kyc-documents', key: 'loan-8823/pan.pdf' }],
  });
  await system.event('done-loan-8823');
  await submit('card-2207', 'CREDIT_CARD', ['pan', 'slip-1', 'slip-2']);
  await inFlight(system, 'card-2207', 1);
  await cancel('card-2207');
  await system.event('done-card-2207');

  const statements = (count: number) =>
    Array.from({ length: count }, (_, i) => `statement-${String(i + 1).padStart(2, '0')}`);
  await submit('mortgage-1190', 'MORTGAGE', [...kyc, 'deed', ...statements(18)]);
  await submit('loan-8836', 'LOAN_APP', [...kyc.slice(0, 3), ...statements(1)]);
  await submit('loan-8838', 'LOAN_APP', [...kyc, ...statements(6)]);
  await submit('card-2214', 'CREDIT_CARD', ['pan', 'photo', 'slip-1']);
  await submit('loan-8841', 'LOAN_APP', [...kyc, 'statement-2026-10']);
  await inFlight(system, 'mortgage-1190', 6);
  await inFlight(system, 'loan-8836', 3);
  await inFlight(system, 'loan-8838', 5);
  await inFlight(system, 'card-2214', 2);
  await inFlight(system, 'loan-8841', 5);
}

/** Waits until a poll has found so many documents of the batch. */
async function inFlight(system: System, reference: string, present: number): Promise<void> {
  await waitUntil(`${present} documents of ${reference}`, async () => {
    const polls = await system.pollJobs.getJobs(['delayed']);
    const poll = polls.find(({ data }) => data.reference === reference);
    return Object(poll?.progress).present === present;
  });
}
