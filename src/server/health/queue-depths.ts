/** Counts the jobs of each queue by state, and reads how long the oldest job that waits has waited. */
import type { JobType, Queue } from 'bullmq';
import type { ClientQueues } from '../../batches/client-queues.js';
import { readState } from '../../jobs/state/batch-state.js';
import type { PollState } from '../../jobs/state/poll-state.js';
import { isObject, parseJson } from '../../json.js';
import { hashesOf } from './read-hashes.js';
import { redisNow } from './read-liveness.js';

const STATES: readonly JobType[] = [
  'wait',
  'prioritized',
  'active',
  'delayed',
  'waiting-children',
  'completed',
  'failed',
];

export interface QueueDepth {
  queue: string;
  counts: Record<string, number>;
  /** 0 when no job waits. */
  oldestWaitingMs: number;
}

/** The end of BullMQ's list that workers take from: jobs whose turn has come in line are moved there. */
const NEXT_JOBS = 64;
/** And the other: a job that a producer adds with `lifo` passes those here. */
const LATEST_JOBS = 16;

/** What is read of a job that waits. */
interface WaitingJob {
  id: string;
  /** When nobody has taken it yet, since when somebody could; null when it came back. */
  since: number | null;
  progress: unknown;
}

/** Since when jobs that came back wait: BullMQ does not say, so it is when a reading first saw them. */
export type FirstSeen = Map<string, number>;

/** @param seen of the readings before; it is brought up to date. */
export async function readQueueDepths(
  queues: ClientQueues,
  seen: FirstSeen,
): Promise<QueueDepth[]> {
  const now = await redisNow(queues);
  const still: FirstSeen = new Map();
  const read = (
    queue: DepthQueue,
    since = (job: WaitingJob): number | null => job.since,
  ): Promise<QueueDepth> =>
    readDepth(queues, queue, now, (job) => {
      const known = since(job);
      if (known !== null) return known;
      const key = queue.toKey(job.id);
      const first = seen.get(key) ?? now;
      still.set(key, first);
      return first;
    });
  const depths = await Promise.all([
    read(queues.batches),
    read(queues.pollJobs, ({ progress, since }) => dueAt(progress) ?? since),
    read(queues.completions),
    read(queues.webhooks),
  ]);
  seen.clear();
  for (const [key, first] of still) seen.set(key, first);
  return depths;
}

/** When a poll job that has polled was to poll again. */
function dueAt(progress: unknown): number | null {
  const stored = readState<PollState>(progress);
  return stored.kind === 'known' ? stored.state.nextPollAt : null;
}

/** A producer may add a job for later. */
function delayOf(opts: string): number {
  const parsed = parseJson(opts);
  const delay = isObject(parsed) ? parsed.delay : undefined;
  return typeof delay === 'number' ? delay : 0;
}

const WAITING_FIELDS = ['timestamp', 'ats', 'atm', 'progress', 'opts'];

type DepthQueue = Pick<Queue, 'name' | 'toKey' | 'getJobCounts'>;

async function readDepth(
  { link }: ClientQueues,
  queue: DepthQueue,
  now: number,
  waitsSince: (job: WaitingJob) => number,
): Promise<QueueDepth> {
  const { redis } = link;
  const wait = queue.toKey('wait');
  const [counts, ...ids] = await Promise.all([
    queue.getJobCounts(...STATES),
    redis.lrange(wait, -NEXT_JOBS, -1),
    redis.lrange(wait, 0, LATEST_JOBS - 1),
    // Those that a producer gave a priority come after them, the first of the set first.
    redis.zrange(queue.toKey('prioritized'), 0, '0'),
  ]);
  const jobIds = [...new Set(ids.flat())];
  const jobs = await hashesOf(
    redis,
    jobIds.map((id) => queue.toKey(id)),
    WAITING_FIELDS,
  );
  const since = jobs.map(([timestamp, started, made, progress, opts], i) => {
    if (!timestamp) return now;
    // An operator's retry takes away when it was processed, and not how often.
    const cameBack = Number(started ?? 0) + Number(made ?? 0) > 0;
    const since = cameBack ? null : Number(timestamp) + delayOf(opts ?? '');
    // An error for each that has none would take longer than to read them.
    const saved = progress ? parseJson(progress) : null;
    return waitsSince({ id: String(jobIds[i]), since, progress: saved });
  });
  return { queue: queue.name, counts, oldestWaitingMs: Math.max(0, now - Math.min(now, ...since)) };
}
