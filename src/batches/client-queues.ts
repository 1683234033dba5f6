/** The queues that a client uses, on one connection. */
import { type Job, Queue, type Telemetry } from 'bullmq';
import { BATCHES_QUEUE, COMPLETIONS_QUEUE, POLLS_QUEUE, WEBHOOKS_QUEUE } from '../jobs/queues.js';
import type { PollData, PollResult } from '../jobs/state/poll-state.js';
import type { WebhookPayload } from '../jobs/state/webhook-state.js';
import type { BatchSummary } from '../jobs/summary.js';
import type { RedisLink } from '../redis/client-link.js';

export interface ClientQueues {
  link: RedisLink;
  /** Prefix of all keys: BullMQ's and our own. */
  prefix: string;
  /** `BATCH_DEADLINE_MS` of a process that has a configuration of it: for where no worker has said its own. */
  deadlineMs?: number;
  batches: Queue<unknown>;
  pollJobs: Queue<PollData, PollResult>;
  completions: Queue<BatchSummary>;
  /** The same events on their way to the webhook; empty where none is configured. */
  webhooks: Queue<WebhookPayload>;
  close(): Promise<void>;
}

/** Any program may have added a job here. One whose data is no JSON is read as workers take it: its data is null, no valid batch. */
class BatchQueue extends Queue<unknown> {
  override async getJob(jobId: string): Promise<Job<unknown> | undefined> {
    try {
      return await super.getJob(jobId);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const json = await this.backend.getJobData(jobId);
      return json && this.Job.fromJSON<unknown>(this, { ...json, data: 'null' }, jobId);
    }
  }
}

export function openQueues(
  link: RedisLink,
  prefix: string,
  telemetry?: Telemetry | undefined,
): ClientQueues {
  const options = { connection: link.redis, prefix, ...(telemetry && { telemetry }) };
  const batches = new BatchQueue(BATCHES_QUEUE, options);
  const pollJobs = new Queue<PollData, PollResult>(POLLS_QUEUE, options);
  const completions = new Queue<BatchSummary>(COMPLETIONS_QUEUE, options);
  // Where no webhook is configured, nothing of this queue is written to Redis.
  const webhooks = new Queue<WebhookPayload>(WEBHOOKS_QUEUE, { ...options, skipMetasUpdate: true });
  const queues: Queue[] = [batches, pollJobs, completions, webhooks];
  // A failed call throws: the queue's event would report it a second time.
  for (const queue of queues) queue.on('error', () => {});
  return {
    link,
    prefix,
    batches,
    pollJobs,
    completions,
    webhooks,
    close: async () => {
      await Promise.allSettled(queues.map((queue) => queue.close()));
    },
  };
}
