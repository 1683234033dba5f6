/** Finds a batch by what leads straight to it: its reference, or the id of an Atlas batch of it. */
import { readOwner } from '../jobs/atlas-batch-owner.js';
import { batchJobId, pollJobId, REFERENCE_PATTERN } from '../jobs/ids.js';
import { ownerKey } from '../jobs/keys/redis-keys.js';
import type { ClientQueues } from './client-queues.js';

/** The reference of the batch; null when the text leads to none. */
export async function findBatch(
  { batches, pollJobs, link, prefix }: ClientQueues,
  text: string,
): Promise<string | null> {
  const { redis } = link;
  if (REFERENCE_PATTERN.test(text) && (await redis.exists(batches.toKey(batchJobId(text)))) > 0)
    return text;
  const poll = await pollJobs.getJob(pollJobId(text));
  const owner = poll?.data ?? readOwner(await redis.get(ownerKey(prefix, text)));
  return owner?.reference ?? null;
}
