import { expect } from 'vitest';
import { documentsSentKey } from '../../src/jobs/keys/gate-keys.js';
import { observationsKey, outcomesKey } from '../../src/jobs/keys/redis-keys.js';
import { readOutcomeFields } from '../../src/jobs/outcome-entry.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import type { BatchState } from '../../src/jobs/state/batch-state.js';
import { fromStored } from '../../src/jobs/state/stored-state.js';
import type { System } from './system.js';

/** BullMQ's own keys of a queue. */
const QUEUE_KEYS =
  /^atlas-(batches|polls|completions|webhooks):(meta|events|id|wait|paused|active|delayed|prioritized|pc|marker|limiter|completed|failed|waiting-children|stalled|stalled-check)$/;

/** What readers of the stream of outcomes get, as ids of the jobs of events. */
export async function announced({ redis, prefix }: System): Promise<string[]> {
  const entries = await redis.xrange(outcomesKey(prefix), '-', '+');
  return entries.map(([, fields]) => readOutcomeFields(fields).entry.eventJobId);
}

/** One event and one outcome a batch, and nothing left that is not at its end. */
export async function expectAllEndedOnce(
  system: System,
  requests: readonly Pick<BatchRequest, 'reference'>[],
): Promise<void> {
  const { batches, pollJobs, completions } = system;
  const events = await completions.getJobs(['wait', 'active', 'delayed', 'completed', 'failed']);
  expect(events.map(({ id }) => id).sort()).toEqual(
    requests.map(({ reference }) => `done-${reference}`).sort(),
  );
  expect((await announced(system)).sort()).toEqual(events.map(({ id }) => id).sort());
  const live = ['active', 'delayed', 'wait', 'waiting-children', 'prioritized'] as const;
  const none = Object.fromEntries(live.map((state) => [state, 0]));
  expect(await batches.getJobCounts(...live)).toEqual(none);
  expect(await pollJobs.getJobCounts(...live)).toEqual(none);
}

/** Completed means that every extract that Atlas holds is stored, word for word. */
export async function expectStoredAsAtlasHasIt(
  system: System,
  requests: BatchRequest[],
): Promise<void> {
  for (const { reference, documents } of requests) {
    const event = await system.completions.getJob(`done-${reference}`);
    if (event?.data.status !== 'completed') continue;
    const stored = new Map<string, unknown[]>();
    for (const uri of event.data.results) {
      for (const { documentId, extracts } of readResults(system, uri).documents) {
        stored.set(documentId, extracts);
      }
    }
    const truth = new Map<string, unknown[]>();
    for (const batchId of event.data.batchIds) {
      for (const { documentId, extracts } of system.atlas.truth(batchId)) {
        if (extracts.length > 0)
          truth.set(
            documentId,
            extracts.map((raw) => JSON.parse(raw)),
          );
      }
    }
    expect([...stored.keys()].sort()).toEqual(documents.map(({ documentId }) => documentId).sort());
    for (const [documentId, extracts] of stored) {
      expect(extracts, `${reference}/${documentId}`).toEqual(truth.get(documentId));
    }
  }
}

interface StoredResults {
  documents: { documentId: string; extracts: unknown[] }[];
  missing: string[];
}

export function readResults({ s3 }: System, uri: string): StoredResults {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  const stored = s3.get(bucket, key);
  if (!stored) throw new Error(`${uri} is not there`);
  return JSON.parse(Buffer.from(stored.body).toString('utf8'));
}

/** Atlas took an upload more often than once only where that was unknown, and counted. */
export async function expectFewSubmissions(
  system: System,
  requests: BatchRequest[],
): Promise<void> {
  const taken = new Map<string, number>();
  for (const { documentIds } of system.atlas.batches()) {
    for (const id of documentIds) taken.set(id, (taken.get(id) ?? 0) + 1);
  }
  for (const { reference, documents } of requests) {
    const { uploads } = await stateOf(system, reference);
    const allowed = uploads.reduce((sum, upload) => sum + 1 + upload.resubmissions, 0);
    for (const { documentId } of documents) {
      expect(taken.get(documentId) ?? 0, `${documentId} sent`).toBeLessThanOrEqual(allowed);
    }
  }
}

/** The state of a batch, as its job keeps it. */
export async function stateOf({ batches }: System, reference: string): Promise<BatchState> {
  const job = await batches.getJob(`batch-${reference}`);
  if (!job) throw new Error(`batch-${reference} is gone`);
  return fromStored(Object(job.progress)) as BatchState;
}

/** Keys of ours that stand for ever, and do not grow. */
const FOR_GOOD = [observationsKey, documentsSentKey, outcomesKey];

/** What `PTTL` says of a key that is there for good; of one that is gone by now it says -2. */
const NEVER_EXPIRES = -1;

/** No key stays in Redis that neither expires nor belongs to a job that is kept. */
export async function expectNoStrayKeys({ redis, prefix }: System): Promise<void> {
  const strays: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', 1000);
    cursor = next;
    for (const key of keys) {
      const name = key.slice(prefix.length + 1);
      // All others of ours expire, or belong to a job that is kept.
      if (QUEUE_KEYS.test(name) || FOR_GOOD.map((of) => of(prefix)).includes(key)) continue;
      if ((await redis.pttl(key)) !== NEVER_EXPIRES) continue;
      const [queue = '', jobId = ''] = name.split(':');
      if (await redis.exists(`${prefix}:${queue}:${jobId}`)) continue;
      strays.push(name);
    }
  } while (cursor !== '0');
  expect(strays).toEqual([]);
}
