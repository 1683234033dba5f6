/** Adds batches. They are checked as the worker checks them, and added once per reference. */
import { randomUUID } from 'node:crypto';
import { setImmediate as otherWork } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ClientQueues } from '../batches/client-queues.js';
import { UsageError } from '../errors.js';
import { batchJobId } from '../jobs/ids.js';
import { BATCH_JOB } from '../jobs/queues.js';
import { type BatchRequest, checkBatchRequest } from '../jobs/request/request.js';
import { isObject, parseJson } from '../json.js';
import { InvalidBatchError } from './client-errors.js';

/** A request whose reference may be left out. */
export interface BatchInput extends Omit<BatchRequest, 'reference'> {
  /** As in a request. Default: a random UUID, which the result names. */
  reference?: string | undefined;
}

/** What became of a batch that was to be added. */
export interface EnqueueResult {
  /**
   * `added`: it is new. `duplicate`: the same batch was added before, and is not sent again.
   * `conflict`: another batch has this reference, and nothing was added.
   */
  status: 'added' | 'duplicate' | 'conflict';
  /** The reference of the batch, given or made. */
  reference: string;
}

/** Jobs added in one round trip. Other work of the process gets its turn between two chunks. */
const CHUNK = 500;

/** @throws InvalidBatchError naming every issue; RedisUnavailableError. */
export async function enqueueBatch(
  queues: ClientQueues,
  batch: BatchInput,
): Promise<EnqueueResult> {
  // The issues of a list taken for a batch would name keys that nobody has left out.
  if (Array.isArray(batch))
    throw new InvalidBatchError(['it is a list; give a list of batches to enqueueMany']);
  const [result] = await enqueueBatches(queues, [batch]);
  if (result === undefined) throw new Error('BullMQ did not say what became of the job');
  return result;
}

/**
 * All are checked before the first is added.
 * @throws InvalidBatchError; RedisUnavailableError, after which some may have been added. Adding
 * all of them again is safe.
 */
export async function enqueueBatches(
  queues: ClientQueues,
  batches: readonly BatchInput[],
): Promise<EnqueueResult[]> {
  if (!Array.isArray(batches)) throw new UsageError('enqueueMany takes a list of batches');
  return addRequests(queues, await checkBatches(batches));
}

/** Adds requests that were checked. @throws RedisUnavailableError, after which some may have been added. */
export async function addRequests(
  queues: ClientQueues,
  requests: readonly BatchRequest[],
): Promise<EnqueueResult[]> {
  const results: EnqueueResult[] = [];
  for (let from = 0; from < requests.length; from += CHUNK) {
    const chunk = requests.slice(from, from + CHUNK);
    results.push(...(await queues.link.run(() => addChunk(queues, chunk))));
  }
  return results;
}

/** @throws InvalidBatchError naming every issue of every batch. */
export async function checkBatches(batches: readonly BatchInput[]): Promise<BatchRequest[]> {
  const requests: BatchRequest[] = [];
  const issues: string[] = [];
  const label = (index: number) => (batches.length > 1 ? `batches[${index}]: ` : '');
  for (const [index, batch] of batches.entries()) {
    const check = checkBatchRequest(withReference(batch));
    if (check.valid) requests.push(check.request);
    else issues.push(...check.issues.map((issue) => label(index) + issue));
    if (index % CHUNK === CHUNK - 1) await otherWork();
  }
  if (issues.length > 0) throw new InvalidBatchError(issues);
  return requests;
}

function withReference(batch: BatchInput): unknown {
  // A caller without types may pass anything: the check names what is wrong with it.
  if (!isObject(batch) || Array.isArray(batch)) return batch;
  return { ...batch, reference: batch.reference ?? randomUUID() };
}

async function addChunk(
  { batches, link }: ClientQueues,
  requests: readonly BatchRequest[],
): Promise<EnqueueResult[]> {
  const chunkId = randomUUID();
  const enqueueId = (index: number) => `${chunkId}-${index}`;
  await batches.addBulk(
    requests.map((data, index) => {
      // BullMQ keeps options that it does not know. This one says which call added the job.
      const opts = { jobId: batchJobId(data.reference), enqueueId: enqueueId(index) };
      return { name: BATCH_JOB, data, opts };
    }),
  );
  const readBack = link.redis.pipeline();
  for (const { reference } of requests) {
    readBack.hmget(batches.toKey(batchJobId(reference)), 'opts', 'data');
  }
  const replies = (await readBack.exec()) ?? [];
  return requests.map((request, index) => {
    const [error, reply] = replies[index] ?? [];
    if (error) throw error;
    const [opts, data] = Array.isArray(reply) ? reply : [];
    return {
      status: statusOf(request, enqueueId(index), opts, data),
      reference: request.reference,
    };
  });
}

function statusOf(
  request: BatchRequest,
  enqueueId: string,
  opts: unknown,
  data: unknown,
): EnqueueResult['status'] {
  // It was added, has ended and was removed already: ended jobs may be kept for a moment only.
  if (typeof opts !== 'string' || typeof data !== 'string') return 'added';
  // Others may have added the job that is there, and what they wrote may be no JSON.
  if (Reflect.get(Object(parseJson(opts)), 'enqueueId') === enqueueId) return 'added';
  return isDeepStrictEqual(parseJson(data), request) ? 'duplicate' : 'conflict';
}
