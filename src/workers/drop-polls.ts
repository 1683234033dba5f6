/**
 * Drops the poll jobs of a batch that completed: they were two thirds of what an ended batch takes
 * of Redis, and outlived it. Their logs stay as long as the batch, and whose the Atlas batches were
 * as long as the jobs would have. Those of a failed batch stay: its retry needs what they know.
 */
import type { Redis } from 'ioredis';
import { formatOwner, ownerKey } from '../jobs/atlas-batch-owner.js';
import type { BatchRequest } from '../jobs/batch-request.js';
import type { BatchState } from '../jobs/batch-state.js';
import { batchJobId, pollJobId } from '../jobs/ids.js';
import { keepPollSeconds } from './add-poll.js';
import type { WorkerContext } from './context.js';

/** Polls of one call: a batch of 10,000 documents must not hold up everybody else's commands. */
const DROPPED_AT_ONCE = 100;

/**
 * A poll that is not among the completed ones is left alone, be it pending or dropped before.
 * Children that are gone are also taken from what BullMQ keeps of them at the parent.
 */
const DROP_SCRIPT = `
for i = 4, #ARGV do
  local at = 3 * (i - 4) + 3
  if redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then
    redis.call('UNLINK', KEYS[at], KEYS[2])
    redis.call('EXPIRE', KEYS[at + 1], ARGV[2])
    redis.call('SET', KEYS[at + 2], ARGV[1], 'EX', ARGV[3])
  end
end
`;

interface DropCommands {
  atlasBatchDropPolls(...args: (string | number)[]): Promise<null>;
}

/** Installs the script as a command of this connection; needed once a connection. */
export function defineDropCommands(redis: Redis): void {
  redis.defineCommand('atlasBatchDropPolls', { lua: DROP_SCRIPT });
}

/** Safe to run again. Nothing hangs on it: a poll that is missed is removed when it is old. */
export async function dropPolls(
  { redis, config, batches, polls }: WorkerContext,
  { reference }: BatchRequest,
  timestamp: number,
  { uploads }: BatchState,
): Promise<void> {
  const ended = [...new Set(uploads.flatMap(({ batchId }) => batchId ?? []))];
  for (let from = 0; from < ended.length; from += DROPPED_AT_ONCE) {
    const part = ended.slice(from, from + DROPPED_AT_ONCE);
    const keys = part.flatMap((batchId) => {
      const job = polls.toKey(pollJobId(batchId));
      return [job, `${job}:logs`, ownerKey(config.QUEUE_PREFIX, batchId)];
    });
    await (redis as unknown as DropCommands).atlasBatchDropPolls(
      keys.length + 2,
      polls.toKey('completed'),
      `${batches.toKey(batchJobId(reference))}:processed`,
      ...keys,
      formatOwner({ reference, timestamp }),
      config.KEEP_COMPLETED_SECONDS,
      keepPollSeconds(config),
      ...part.map(pollJobId),
    );
  }
}
