/** Counts the jobs of each queue by state, and reads the age of the oldest job that waits. */
import type { JobType, Queue } from 'bullmq';
import type { ClientQueues } from '../../batches/client-queues.js';
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

export async function readQueueDepths(queues: ClientQueues): Promise<QueueDepth[]> {
  const now = await redisNow(queues);
  const counted = [queues.batches, queues.pollJobs, queues.completions];
  return Promise.all(counted.map((queue) => readDepth(queues, queue, now)));
}

async function readDepth(
  { link }: ClientQueues,
  queue: Pick<Queue, 'name' | 'toKey' | 'getJobCounts'>,
  now: number,
): Promise<QueueDepth> {
  const [counts, oldest, [first]] = await Promise.all([
    queue.getJobCounts(...STATES),
    // BullMQ adds jobs at the head of the list and takes them from its tail.
    link.redis.lindex(queue.toKey('wait'), -1),
    // And those that a producer gave a priority after them, the first of the set first.
    link.redis.zrange(queue.toKey('prioritized'), 0, '0'),
  ]);
  const next = oldest ?? first;
  const timestamp = next && (await link.redis.hget(queue.toKey(next), 'timestamp'));
  return {
    queue: queue.name,
    counts,
    oldestWaitingMs: timestamp ? Math.max(0, now - Number(timestamp)) : 0,
  };
}
