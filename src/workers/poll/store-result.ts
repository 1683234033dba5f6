/** Extracts of one Atlas batch -> one object in S3. */
import { requestOf } from '../../batches/find-summary.js';
import { LockLostError, TransientError } from '../../errors.js';
import type { Reconciliation } from '../../extracts/reconcile.js';
import { batchJobId } from '../../jobs/ids.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import { indexesOf, type PollData } from '../../jobs/state/poll-state.js';
import type { LuaPart } from '../../redis/lua-script.js';
import type { PutCondition } from '../../storage/results/put-result.js';
import { renderResult } from '../../storage/results/result-document.js';
import { resultKey, resultsRoot } from '../../storage/results/results-key.js';
import type { WorkerContext } from '../context.js';
import type { JobLease } from '../runtime/job-lease.js';

/** Tries to store it. Each that fails means that another worker has just stored one. */
const MAX_TRIES = 5;

interface StoringEntry {
  context: Pick<WorkerContext, 'store' | 'storesRead' | 'batches' | 'config' | 'erased'>;
  data: PollData;
  lease: Pick<JobLease<never>, 'jobId' | 'renew' | 'isSurelyHeld'>;
  signal: AbortSignal;
}

/**
 * Writes the results object; writing it again replaces it by the same.
 *
 * A worker that stood still may come here when another one has the job, and has stored more. So each
 * write says which object it means to replace, and that is found out **before** the lock is checked:
 * whatever another worker stores after the check, it is not that object any more. Where the store knows
 * no such conditions, the time since that check is what keeps a late write back.
 * @returns What notes that the store has answered: for the script that saves what follows.
 * @throws LockLostError, TransientError; OwnFaultError where others ask another S3.
 */
export async function storeResult(entry: StoringEntry, found: Reconciliation): Promise<LuaPart> {
  const { context, data, lease, signal } = entry;
  const { store, storesRead, config, erased } = context;
  await storesRead.expectOurs('STORAGE', () => readOneDocument(entry));
  const { reference, atlasBatchId, productType, documentIds } = data;
  const content = {
    reference,
    batchId: atlasBatchId,
    productType,
    documents: found.documents(),
    missing: found.missing().flatMap((position) => documentIds[position] ?? []),
    unexpected: found.unexpected(),
    unreadable: found.unreadable(),
  };
  const body = { [Symbol.iterator]: () => renderResult(content) };
  const key = resultKey(config.RESULTS_PREFIX, reference, atlasBatchId);
  const mayBegin = () => lease.isSurelyHeld();
  let condition: PutCondition = { kind: 'absent' };
  for (let n = 0; n < MAX_TRIES; n += 1) {
    const asked = [
      erased.beginStoring({ reference, timestamp: data.batchTimestamp }, key),
      lease.renew({ always: n > 0 }),
    ] as const;
    const [endStoring] = await Promise.all(asked);
    if (!endStoring) throw new LockLostError(lease.jobId);
    const reply = await store.putResult(key, body, { condition, mayBegin, signal });
    if (reply === 'stored') return endStoring;
    condition = await store.conditionOf(key, signal);
  }
  throw new TransientError(
    'STORAGE',
    `PUT s3://${store.resultsBucket}/${key}: another worker stored one at the same time, ${MAX_TRIES} times`,
  );
}

/** Reads one of the documents that the extracts are of. */
async function readOneDocument({ context, data, signal }: StoringEntry): Promise<void> {
  const { reference } = data;
  const job = await context.batches.getJob(batchJobId(reference));
  const [document] = (job && requestOf(job, reference)?.documents) ?? [];
  if (document) await context.store.check([document], () => {}, signal);
}

/** What a stored result holds, as the batch is told. */
export function countsOf(
  { context: { store, config }, data }: Pick<StoringEntry, 'context' | 'data'>,
  found: Reconciliation,
) {
  const indexes = fromRanges(indexesOf(data));
  return {
    present: found.present,
    missing: toRanges(found.missing().flatMap((position) => indexes[position] ?? [])),
    unexpected: found.unexpectedCount,
    unreadable: found.unreadableCount,
    root: resultsRoot(store.resultsBucket, config.RESULTS_PREFIX),
  };
}
