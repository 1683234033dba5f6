/** Wakes a batch: its uploads are polled now. */
import { WAKE_FLAG_TTL_MS } from '../jobs/flags.js';
import { batchJobId, foldedForm, pollJobId, watchJobId } from '../jobs/ids.js';
import { fromRanges } from '../jobs/index-ranges.js';
import { wakeKey } from '../jobs/keys/redis-keys.js';
import { redisTimeMs } from '../redis/clock.js';
import { promote, promoteIfDelayed } from '../redis/promote.js';
import type { ClientQueues } from './client-queues.js';
import { requestOf, stateOf } from './find-summary.js';

/** `woken`: it is polled now, also when it has ended and late documents are awaited. `ended`: it had ended already. `unknown`: no such batch. */
export type WakeResult = 'woken' | 'ended' | 'unknown';

export interface WakeOptions {
  /** Only uploads that hold one of these documents, in {@link foldedForm} form; default: all. */
  documentIds?: ReadonlySet<string>;
  /** Also wakes the batch itself, when it sleeps because it could not be sent. */
  trySendingAgain?: boolean;
}

export async function wakeBatch(
  queues: ClientQueues,
  reference: string,
  { documentIds, trySendingAgain = false }: WakeOptions = {},
): Promise<WakeResult> {
  const { batches, pollJobs, link } = queues;
  const jobId = batchJobId(reference);
  const [name, finishedOn] = await link.redis.hmget(batches.toKey(jobId), 'name', 'finishedOn');
  if (name === null || name === undefined) return 'unknown';
  if (finishedOn !== null) return wakeWatch(queues, reference);
  await setWakeFlag(queues, reference);

  const job = await batches.getJob(jobId);
  const uploads = job ? (stateOf(job)?.uploads ?? []) : [];
  const sent = uploads.filter((upload) => upload.state === 'sent');
  const documents = (job && sent.length > 1 && requestOf(job, reference)?.documents) || [];
  const meant = sent.filter(
    (upload) =>
      documentIds === undefined ||
      documents.length === 0 ||
      fromRanges(upload.documentIndexes).some((index) =>
        documentIds.has(foldedForm(documents[index]?.documentId ?? '')),
      ),
  );
  await Promise.all(
    meant.map(({ atlasBatchId }) => promoteIfDelayed(pollJobs, pollJobId(atlasBatchId))),
  );
  if (trySendingAgain) await promoteIfDelayed(batches, jobId);
  return 'woken';
}

/** It is set first: a job that is active or not yet added finds it before it sleeps. */
async function setWakeFlag({ link, prefix }: ClientQueues, reference: string): Promise<void> {
  const now = Math.ceil(await redisTimeMs(link.redis));
  await link.redis.set(wakeKey(prefix, reference), now, 'PX', WAKE_FLAG_TTL_MS);
}

/** A batch that has ended is awaited only where documents are missing, and may come late. */
async function wakeWatch(queues: ClientQueues, reference: string): Promise<WakeResult> {
  const { batches, pollJobs, link } = queues;
  const jobKey = batches.toKey(batchJobId(reference));
  const reason = await link.redis.hget(jobKey, 'failedReason');
  if (!reason?.startsWith('INCOMPLETE')) return 'ended';
  const job = await batches.getJob(batchJobId(reference));
  const since = job && stateOf(job)?.lateSince;
  if (since === undefined) return 'ended';
  const watch = await pollJobs.getJob(watchJobId({ reference, since }));
  if (!watch) return 'ended';
  await setWakeFlag(queues, reference);
  await promote(watch);
  return 'woken';
}
