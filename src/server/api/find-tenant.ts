/** Whether a caller may see a batch. */
import type { ClientQueues } from '../../batches/client-queues.js';
import { UnknownReferenceError } from '../../errors.js';
import { batchJobId } from '../../jobs/ids.js';
import { type BatchState, readState } from '../../jobs/state/batch-state.js';
import { isObject, parseJson } from '../../json.js';
import { type Caller, maySee } from './access.js';

/**
 * A batch of another tenant is not known to the caller, just like one that does not exist. One whose job
 * is no longer kept is known to callers without a tenant only: its event does not say whose it was.
 * @throws UnknownReferenceError; RedisUnavailableError.
 */
export async function checkVisible(
  queues: ClientQueues,
  caller: Caller,
  reference: string,
): Promise<void> {
  if (caller.tenant === null) return;
  if (!maySee(caller, tenantIn((await dataOf(queues, reference)) ?? '')))
    throw new UnknownReferenceError(reference);
}

/**
 * The same of a batch that the caller has seen some time ago. Its job may be gone since, or be that of others
 * who have used the reference again.
 * @throws UnknownReferenceError; RedisUnavailableError.
 */
export async function checkStillVisible(
  queues: ClientQueues,
  caller: Caller,
  reference: string,
): Promise<void> {
  if (caller.tenant === null) return;
  const data = await dataOf(queues, reference);
  if (data !== null && !maySee(caller, tenantIn(data))) throw new UnknownReferenceError(reference);
}

/** Null when its job is no longer kept. */
async function dataOf({ link, batches }: ClientQueues, reference: string): Promise<string | null> {
  return link.run(() => link.redis.hget(batches.toKey(batchJobId(reference)), 'data'));
}

/** Of the data of a job; null when it names none. */
function tenantIn(json: string): string | null {
  const data = parseJson(json);
  return isObject(data) && typeof data.tenant === 'string' ? data.tenant : null;
}

/** Whose a batch is that goes on; null when it has an outcome already, or is no longer kept. */
export async function runningTenant(
  { link, batches }: ClientQueues,
  reference: string,
): Promise<{ tenant: string | null } | null> {
  const key = batches.toKey(batchJobId(reference));
  const [data, progress] = await link.run(() => link.redis.hmget(key, 'data', 'progress'));
  if (typeof data !== 'string') return null;
  const stored = readState<BatchState>(parseJson(progress ?? ''));
  const hasEnded = stored.kind === 'known' && stored.state.outcome !== undefined;
  return hasEnded ? null : { tenant: tenantIn(data) };
}
