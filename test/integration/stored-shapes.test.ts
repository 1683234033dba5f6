/**
 * What each released version has stored, as fixtures that are never changed: today's worker enters each,
 * and ends it once. `RECORD_STORED_SHAPES=v2` writes those of today into `test/fixtures/stored-shapes/v2`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { expect, it } from 'vitest';
import { outcomesKey, receiptKey } from '../../src/jobs/keys/redis-keys.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import {
  type BatchState,
  newBatchState,
  type SendingUpload,
} from '../../src/jobs/state/batch-state.js';
import { promoteIfDelayed } from '../../src/redis/promote.js';
import type { SendResult } from '../../src/workers/batch/upload/upload-transitions.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import {
  recordShapes,
  type StoredShapes,
  uploadByHand,
  writeShapes,
} from '../helpers/stored-shapes.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';

const FOLDER = fileURLToPath(new URL('../fixtures/stored-shapes/', import.meta.url));
/** Nothing arrives at Atlas until somebody says so. */
const LATER = { completionMs: 3_600_000 };
/** What is sent by hand has no object in S3. */
const UNFETCHED = { fetchUrls: false };
/** A run of the tests may be late. */
const DAY_MS = 86_400_000;
const LONG = { BATCH_DEADLINE_MS: '600000' };

interface Scenario {
  environment?: Record<string, string>;
  /** Brings the system to the moment that is recorded, with no worker alive. @returns references. */
  reach(system: System): Promise<string[]>;
}

/** Batches at Atlas, each polled once or more. */
async function polled(system: System, references: string[]): Promise<void> {
  const worker = await system.startWorker();
  for (const reference of references) await system.submit(reference, 3, `${reference}-`);
  await batchesInFlight(system, references.length);
  await waitUntil('a poll of each', async () => {
    const sleeping = await system.pollJobs.getDelayed();
    const polls = sleeping.filter(({ progress }) => Object(progress).polls > 0);
    return polls.length === references.length;
  });
  await worker.stop();
}

async function completed(system: System, reference: string): Promise<void> {
  const worker = await system.startWorker();
  await system.submit(reference, 3, `${reference}-`);
  await batchesInFlight(system);
  system.atlas.completeNow();
  await system.event(`done-${reference}`);
  await waitUntil('its end', async () => (await system.batches.getCompletedCount()) === 1);
  await worker.stop();
}

const SCENARIOS: Record<string, Scenario> = {
  batch: {
    async reach(system) {
      await system.submit('not-begun', 3, 'not-begun-');
      return ['not-begun'];
    },
  },
  poll: {
    async reach(system) {
      await polled(system, ['polled-1', 'polled-2']);
      return ['polled-1', 'polled-2'];
    },
  },
  line: {
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '4' },
    async reach(system) {
      const worker = await system.startWorker();
      await system.submit('at-atlas', 3, 'at-atlas-');
      await batchesInFlight(system);
      const request = await system.request('in-line-1', 3, 'in-line-1-');
      await system.add({ ...request, priority: 'bulk', tenant: 'archive' });
      await system.submit('in-line-2', 3, 'in-line-2-');
      await waitUntil('a line', async () => (await system.batches.getDelayedCount()) === 2);
      await worker.stop();
      return ['at-atlas', 'in-line-1', 'in-line-2'];
    },
  },
  receipt: {
    async reach(system) {
      const { batches, redis, prefix, atlas } = system;
      const { documents } = await system.submit('receipt', 3, 'receipt-');
      const documentIds = documents.map(({ documentId }) => documentId);
      const atlasBatchId = await uploadByHand(atlas.url, documentIds);
      const startedAt = Date.now();
      const upload: SendingUpload = {
        round: 1,
        documentIndexes: '0-2',
        scoped: false,
        resubmissions: 0,
        state: 'sending',
        nonce: 'nonce-of-a-dead-worker',
        sender: 'dead-worker',
        startedAt,
      };
      const state = { ...newBatchState(0, startedAt), round: 1, uploads: [upload] };
      await (await batches.getJob('batch-receipt'))?.updateProgress(state);
      const result: SendResult = { kind: 'accepted', atlasBatchId, sentAt: startedAt };
      const key = receiptKey(prefix, 'receipt', upload.nonce);
      await redis.set(key, JSON.stringify(result), 'PX', DAY_MS);
      return ['receipt'];
    },
  },
  outcome: {
    async reach(system) {
      await completed(system, 'outcome');
      const { batches, completions, redis, prefix } = system;
      const job = await batches.getJob('batch-outcome');
      const state = job?.progress as BatchState;
      const data: unknown = job?.data;
      // Its worker died between the save of the outcome and the event.
      await job?.remove();
      await (await completions.getJob('done-outcome'))?.remove();
      await redis.del(outcomesKey(prefix));
      await system.add(data);
      const outcome = { ...state.outcome, announced: false };
      await (await batches.getJob('batch-outcome'))?.updateProgress({ ...state, outcome });
      return ['outcome'];
    },
  },
  'webhook-and-streams': {
    environment: { COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET },
    async reach(system) {
      const failing = await startReceiver(() => ({ status: 500 }));
      system.environment.COMPLETION_WEBHOOK_URL = failing.url;
      await completed(system, 'hooked');
      return ['hooked'];
    },
  },
};

/** Written by `RECORD_STORED_SHAPES`; tests of a version that is released read what is there. */
const RECORD = process.env.RECORD_STORED_SHAPES;
const environmentOf = (name: string) => ({ ...LONG, ...SCENARIOS[name]?.environment });

if (RECORD !== undefined) {
  it.each(Object.keys(SCENARIOS))('the shapes of %s are recorded', async (name) => {
    const environment = environmentOf(name);
    const system = await startSystem({ atlas: { ...LATER, ...UNFETCHED }, environment });
    const references = (await SCENARIOS[name]?.reach(system)) ?? [];
    const shapes = await recordShapes(system, { references, environment });
    mkdirSync(`${FOLDER}${RECORD}`, { recursive: true });
    writeFileSync(`${FOLDER}${RECORD}/${name}.json`, `${JSON.stringify(shapes, null, 2)}\n`);
  });
}

const FIXTURES = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.json'),
);

it('every kind of stored shape has a fixture', () => {
  for (const name of Object.keys(SCENARIOS)) expect(FIXTURES).toContain(`v1/${name}.json`);
});

it.each(FIXTURES)("today's worker ends what %s holds, each once", async (path) => {
  const shapes: StoredShapes = JSON.parse(readFileSync(FOLDER + path, 'utf8'));
  const receiver = await startReceiver();
  const withWebhook = 'COMPLETION_WEBHOOK_SECRET' in shapes.environment;
  const system = await startSystem({
    atlas: UNFETCHED,
    environment: {
      ...shapes.environment,
      ...(withWebhook && { COMPLETION_WEBHOOK_URL: receiver.url }),
    },
  });
  await writeShapes(system, shapes);
  await system.startWorker();
  const requests = shapes.references.map((reference) => ({ reference }) as BatchRequest);
  for (const { reference } of requests) {
    const { name, data } = await system.event(`done-${reference}`);
    expect([name, data.documents]).toMatchObject(['batch.completed', { sent: 3, present: 3 }]);
  }
  await allJobsEnded(system, requests.length);
  await expectAllEndedOnce(system, requests);
  const sent = system.atlas.uploads().flatMap(({ documentIds }) => documentIds);
  expect(sent).toHaveLength(new Set(sent).size);
  if (withWebhook) {
    const webhooks = new Queue('atlas-webhooks', {
      connection: system.redis,
      prefix: system.prefix,
    });
    await promoteIfDelayed(webhooks, `done-${shapes.references[0]}`);
    const { payload } = await receiver.delivery(1);
    expect(payload.data.reference).toBe(shapes.references[0]);
  }
});
