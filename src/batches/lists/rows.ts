/** Reads the rows of a list of batches. */
import { referenceOfBatchJobId } from '../../jobs/ids.js';
import { checkBatchRequest, DEFAULT_PRIORITY, type Priority } from '../../jobs/request/request.js';
import { type BatchState, readState } from '../../jobs/state/batch-state.js';
import { parseJson } from '../../json.js';
import type { ClientQueues } from '../client-queues.js';
import { type DeadlineFacts, readDeadlineFacts } from '../status/deadline.js';
import { type ListedStatus, listedStatus } from '../status/status.js';

export interface BatchRow {
  jobId: string;
  /** Milliseconds since 1970, by the clock of Redis or of the producer. */
  addedAt: number;
  endedAt: number | null;
  /** Null when the job is no batch of ours. `failedReason` is then all there is. */
  status: ListedStatus | null;
  failedReason: string | null;
  /** Null when the batch names none, or the job is no valid batch. */
  tenant: string | null;
  priority: Priority;
}

/** Rows in the order of the ids. Jobs that were removed in the meantime are left out. */
export async function readRows(queues: ClientQueues, ids: readonly string[]): Promise<BatchRow[]> {
  const references = ids.flatMap((id) => referenceOfBatchJobId(id) ?? []);
  const deadlines = await readDeadlineFacts(queues, references);
  const rows: BatchRow[] = [];
  // One by one: the first time, a batch of ten thousand documents takes milliseconds of the event loop
  // that also renews locks.
  for (const jobId of ids) {
    const row = await readRow(queues, jobId, deadlines);
    if (row !== null) rows.push(row);
  }
  return rows;
}

async function readRow(
  queues: ClientQueues,
  jobId: string,
  deadlines: DeadlineFacts,
): Promise<BatchRow | null> {
  const { batches, link } = queues;
  const [timestamp, finishedOn, failedReason, progress] = await link.redis.hmget(
    batches.toKey(jobId),
    'timestamp',
    'finishedOn',
    'failedReason',
    'progress',
  );
  if (!timestamp) return null;
  // As BullMQ reads it: whole milliseconds.
  const addedAt = Math.floor(Number(timestamp));
  const reference = referenceOfBatchJobId(jobId);
  const { productType, total, tenant, priority } = await requestFacts(queues, jobId, timestamp);
  return {
    jobId,
    addedAt,
    endedAt: finishedOn ? Number(finishedOn) : null,
    status:
      reference === null
        ? null
        : await listedStatus(queues, {
            jobId,
            timestamp: addedAt,
            reference,
            state: stateIn(progress),
            hasEnded: Boolean(finishedOn),
            ...{ productType, total, deadlines },
          }),
    failedReason: failedReason ?? null,
    tenant,
    priority,
  };
}

function stateIn(progress: string | null | undefined): BatchState | null {
  const stored = readState<BatchState>(parseJson(progress ?? ''));
  return stored.kind === 'known' ? stored.state : null;
}

interface RequestFacts {
  productType: string | null;
  total: number;
  tenant: string | null;
  priority: Priority;
}

/** Rows of many pages. The data of a job never changes, and its documents take long to read. */
const KNOWN_REQUESTS = 2000;
const known = new WeakMap<ClientQueues, Map<string, RequestFacts>>();

async function requestFacts(
  queues: ClientQueues,
  jobId: string,
  timestamp: string,
): Promise<RequestFacts> {
  const facts = known.get(queues) ?? new Map<string, RequestFacts>();
  known.set(queues, facts);
  const key = `${timestamp} ${jobId}`;
  const before = facts.get(key);
  if (before) return before;
  const data = await queues.link.redis.hget(queues.batches.toKey(jobId), 'data');
  const check = checkBatchRequest(parseJson(data ?? ''));
  const isIts = check.valid && check.request.reference === referenceOfBatchJobId(jobId);
  const request = check.valid && isIts ? check.request : null;
  const found = {
    productType: request?.productType ?? null,
    total: request?.documents.length ?? 0,
    tenant: request?.tenant ?? null,
    priority: request?.priority ?? DEFAULT_PRIORITY,
  };
  for (const oldest of facts.keys()) {
    if (facts.size < KNOWN_REQUESTS) break;
    facts.delete(oldest);
  }
  facts.set(key, found);
  return found;
}
