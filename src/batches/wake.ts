/** Wakes a batch: its uploads are polled now. */
import { WAKE_FLAG_TTL_MS } from '../jobs/flags.js';
import { batchJobId, foldedForm, pollJobId, watchJobId } from '../jobs/ids.js';
import { fromRanges } from '../jobs/index-ranges.js';
import { wakeKey } from '../jobs/keys/redis-keys.js';
import { LuaScript } from '../redis/lua-script.js';
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
  if (!(await setWakeFlag(queues, reference))) return 'unknown';

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

/**
 * In one script: whoever stood still since it found the batch must not leave the name of one that was erased meanwhile.
 * KEYS the batch job, the flag. ARGV the flag's life. The flag is the time, in ms.
 */
const SET_WAKE_FLAG = new LuaScript<0 | 1>(`
if redis.call('HEXISTS', KEYS[1], 'name') == 0 then return 0 end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.ceil(time[2] / 1000))
redis.call('SET', KEYS[2], now, 'PX', ARGV[1])
return 1
`);

/**
 * It is set first: a job that is active or not yet added finds it before it sleeps.
 * @returns Whether the batch is there.
 */
async function setWakeFlag(
  { batches, link, prefix }: ClientQueues,
  reference: string,
): Promise<boolean> {
  const keys = [batches.toKey(batchJobId(reference)), wakeKey(prefix, reference)];
  return (await SET_WAKE_FLAG.run(link.redis, keys, [WAKE_FLAG_TTL_MS])) === 1;
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
  if (!(await setWakeFlag(queues, reference))) return 'unknown';
  await promote(watch);
  return 'woken';
}
