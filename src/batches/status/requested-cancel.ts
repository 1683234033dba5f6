/** A cancel that was asked for, and that no worker has carried out yet. */
import { isMeantForRun, readCancelFlag } from '../../jobs/flags.js';
import { cancelKey } from '../../jobs/keys/redis-keys.js';
import type { ClientQueues } from '../client-queues.js';

/** What is known of the request. */
export interface RequestedCancel {
  /** Who asked for it. Absent over HTTP, where callers ask, and of one by an earlier version. */
  by?: string | undefined;
  /** Null where nobody gave one. */
  reason: string | null;
}

/**
 * Null where nobody has asked for it, or only for an earlier run or batch.
 * @param job The batch job, which has not ended.
 */
export async function requestedCancelOf(
  { link, prefix }: ClientQueues,
  reference: string,
  job: { timestamp: number; attemptsMade: number },
): Promise<RequestedCancel | null> {
  const value = await link.redis.get(cancelKey(prefix, reference));
  if (value === null || !isMeantForRun(value, job)) return null;
  const flag = readCancelFlag(value, job.timestamp);
  if (flag === null) return null;
  const { by, reason, isUnreasoned } = flag;
  return { ...(by !== undefined && { by }), reason: isUnreasoned ? null : reason };
}

/** `by ned: court order 17`, as much of it as is known. */
export function describeRequestedCancel({ by, reason }: RequestedCancel): string {
  return [by === undefined ? 'by somebody' : `by ${by}`, ...(reason === null ? [] : [reason])].join(
    ': ',
  );
}
