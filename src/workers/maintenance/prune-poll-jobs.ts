/**
 * Removes the poll jobs of batches that completed. Otherwise they would be a third of the memory of an
 * ended batch in Redis, and outlive it by a week. Their logs stay as long as the batch. Whose the Atlas
 * batches were is kept in keys, as long as the jobs would have been. The poll jobs of a failed batch
 * stay, because an operator's retry needs what they know.
 */
import { keepPollSeconds } from '../../config/config.js';
import { formatOwner } from '../../jobs/atlas-batch-owner.js';
import { batchJobId, pollJobId } from '../../jobs/ids.js';
import { ownerKey } from '../../jobs/keys/redis-keys.js';
import { BATCHES_QUEUE } from '../../jobs/queues.js';
import { LuaScript } from '../../redis/lua-script.js';
import type { WorkerContext } from '../context.js';

type PruneContext = Pick<WorkerContext, 'redis' | 'config' | 'pollJobs'>;

type PollsOfBatch = Parameters<WorkerContext['pollJobPruner']['prune']>[0];

/**
 * Time between two calls. A call for each batch would take 2 % of what a small batch costs.
 * A crash forgets what was gathered; BullMQ removes those poll jobs when they are old.
 */
const INTERVAL_MS = 250;
/** Poll jobs of one call, so that it holds nobody up. */
const PRUNED_AT_ONCE = 100;

/**
 * Leaves a poll job alone that is not completed: it is pending, or was removed before, or erased. Also deletes
 * what BullMQ keeps of the children at their parent.
 */
const PRUNE = new LuaScript<null>(`
for i = 0, (#KEYS - 1) / 4 - 1 do
  local key, arg = 4 * i + 2, 2 * i + 3
  if redis.call('ZREM', KEYS[1], ARGV[arg]) == 1 then
    redis.call('UNLINK', KEYS[key], KEYS[key + 1])
    redis.call('EXPIRE', KEYS[key + 2], ARGV[1])
    redis.call('SET', KEYS[key + 3], ARGV[arg + 1], 'EX', ARGV[2])
  end
end
`);

/** Gathers the batches that completed, for one call a few times a second. */
export class PollJobPruner {
  private gathered: PollsOfBatch[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly context: PruneContext) {
    // An error may be ignored: others report that Redis is away.
    this.timer = setInterval(() => void this.run().catch(() => {}), INTERVAL_MS);
    this.timer.unref();
  }

  prune(polls: PollsOfBatch): void {
    this.gathered.push(polls);
  }

  /** Removes what is left, and resolves when it is done. */
  stop(): Promise<void> {
    clearInterval(this.timer);
    return this.run();
  }

  private run(): Promise<void> {
    return prunePollJobs(this.context, this.gathered.splice(0));
  }
}

async function prunePollJobs(
  { redis, config, pollJobs }: PruneContext,
  batches: readonly PollsOfBatch[],
): Promise<void> {
  const ended = batches.flatMap(({ owner, batchIds }) =>
    batchIds.map((atlasBatchId) => ({ atlasBatchId, owner })),
  );
  for (let from = 0; from < ended.length; from += PRUNED_AT_ONCE) {
    const part = ended.slice(from, from + PRUNED_AT_ONCE);
    const keys = part.flatMap(({ atlasBatchId, owner }) => {
      const job = pollJobs.toKey(pollJobId(atlasBatchId));
      const parent = `${config.QUEUE_PREFIX}:${BATCHES_QUEUE}:${batchJobId(owner.reference)}`;
      return [
        job,
        `${parent}:processed`,
        `${job}:logs`,
        ownerKey(config.QUEUE_PREFIX, atlasBatchId),
      ];
    });
    await PRUNE.run(
      redis,
      [pollJobs.toKey('completed'), ...keys],
      [
        config.KEEP_COMPLETED_SECONDS,
        keepPollSeconds(config),
        ...part.flatMap(({ atlasBatchId, owner }) => [pollJobId(atlasBatchId), formatOwner(owner)]),
      ],
    );
  }
}
