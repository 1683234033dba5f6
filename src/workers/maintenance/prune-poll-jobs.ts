/**
 * Drops the poll jobs of batches that completed: they were a third of what an ended batch takes of
 * Redis, and outlived it by a week. Their logs stay as long as the batch, and whose the Atlas
 * batches were as long as the jobs would have. Those of a failed batch stay: its retry needs what
 * they know.
 */
import { type AtlasBatchOwner, formatOwner, ownerKey } from '../../jobs/atlas-batch-owner.js';
import { batchJobId, pollJobId } from '../../jobs/ids.js';
import { BATCHES_QUEUE } from '../../jobs/queues.js';
import { LuaScript } from '../../redis/lua-script.js';
import { keepPollSeconds } from '../batch/add-poll-job.js';
import type { WorkerContext } from '../context.js';

type PruneContext = Pick<WorkerContext, 'redis' | 'config' | 'pollJobs'>;

export interface PollsOfBatch {
  owner: AtlasBatchOwner;
  batchIds: string[];
}

/**
 * Between two calls: a call for each batch is two hundredths of what a small one costs. A crash
 * loses what has gathered; those polls are removed when they are old.
 */
const INTERVAL_MS = 250;
/** Polls of one call: it must not hold up everybody else's commands. */
const PRUNED_AT_ONCE = 100;

/**
 * A poll that is not among the completed ones is left alone, be it pending or dropped before.
 * Children that are gone are also taken from what BullMQ keeps of them at the parent.
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

/** Gathers what is to be dropped, for one call a few times a second. */
export class PollJobPruner {
  private gathered: PollsOfBatch[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly context: PruneContext) {
    // Nothing hangs on it, and Redis being away is for others to report.
    this.timer = setInterval(() => void this.run().catch(() => {}), INTERVAL_MS);
    this.timer.unref();
  }

  /** Safe to call again for the same batch. */
  drop(polls: PollsOfBatch): void {
    this.gathered.push(polls);
  }

  /** Does what is left; resolves when it is done. */
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
